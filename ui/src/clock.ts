import { useSyncExternalStore } from 'react'

// One clock for every age on the page, each second while the tab is seen.
let now = Date.now()
const watchers = new Set<() => void>()

window.setInterval(() => {
  if (document.hidden) return
  now = Date.now()
  for (const watcher of watchers) watcher()
}, 1_000)

function subscribe(watcher: () => void): () => void {
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

export const useNow = (): number => useSyncExternalStore(subscribe, () => now)
