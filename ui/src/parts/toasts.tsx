import { useSyncExternalStore } from 'react'

interface Toast {
  id: number
  text: string
  tone: 'info' | 'error'
}

const SHOWN_MS = 5_000
const MOST = 4
let toasts: Toast[] = []
let last = 0
const watchers = new Set<() => void>()

function set(next: Toast[]): void {
  toasts = next
  for (const watcher of watchers) watcher()
}

/** Say in passing what was done, or why not. */
export function tell(text: string, tone: Toast['tone'] = 'info'): void {
  const id = ++last
  set([...toasts, { id, text, tone }].slice(-MOST))
  window.setTimeout(() => set(toasts.filter((toast) => toast.id !== id)), tone === 'error' ? 2 * SHOWN_MS : SHOWN_MS)
}

function subscribe(watcher: () => void): () => void {
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  return (
    <div className="toasts" role="status" aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={`toast toast-${toast.tone}`}>
          {toast.text}
        </div>
      ))}
    </div>
  )
}
