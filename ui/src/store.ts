import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { ApiError, call } from './api'
import { feed, type FeedState } from './feed'
import type { FeedEvent } from './types'

/** What is known of one address: what it answered last and when, and why the last try failed. */
export interface Resource<T> {
  data: T | undefined
  etag: string | null
  error: ApiError | null
  loading: boolean
  /** When `data` was read, epoch milliseconds. */
  at: number | null
  reload: () => void
}

interface Entry {
  state: Omit<Resource<unknown>, 'reload'>
  watchers: Set<() => void>
  reload: () => void
  /** Feed events that make it stale. */
  on: string[]
  about: string | null
  turn: number
  timer: number | undefined
  again: boolean
}

const KEPT = 60
const COALESCE_MS = 250
const EMPTY: Resource<never> = { data: undefined, etag: null, error: null, loading: false, at: null, reload: () => {} }
const entries = new Map<string, Entry>()
const snapshots = new WeakMap<Entry['state'], Resource<unknown>>()

function entryOf(path: string): Entry {
  const known = entries.get(path)
  if (known) return known
  const entry: Entry = {
    state: { data: undefined, etag: null, error: null, loading: false, at: null },
    watchers: new Set(),
    reload: () => void load(path, entry),
    on: [],
    about: null,
    turn: 0,
    timer: undefined,
    again: false,
  }
  entries.set(path, entry)
  forget()
  return entry
}

// What nobody looks at is dropped, oldest first.
function forget(): void {
  for (const [path, entry] of entries) {
    if (entries.size <= KEPT) return
    if (entry.watchers.size === 0) entries.delete(path)
  }
}

async function load(path: string, entry: Entry): Promise<void> {
  if (entry.state.loading) {
    entry.again = true
    return
  }
  const turn = ++entry.turn
  set(entry, { ...entry.state, loading: true })
  try {
    const { data, etag } = await call<unknown>('GET', path)
    if (turn === entry.turn) set(entry, { data, etag, error: null, loading: false, at: Date.now() })
  } catch (error) {
    const said = error instanceof ApiError ? error : new ApiError(0, 'Error', String(error))
    if (turn === entry.turn) set(entry, { ...entry.state, data: gone(said) ? undefined : entry.state.data, error: said, loading: false })
  }
  if (entry.again) {
    entry.again = false
    soon(entry)
  }
}

// What the server no longer has, or no longer shows to us, is not shown from memory.
const gone = (error: ApiError): boolean => error.status >= 400 && error.status < 500

function set(entry: Entry, state: Entry['state']): void {
  entry.state = state
  for (const watcher of entry.watchers) watcher()
}

// A burst of events is one reload.
function soon(entry: Entry): void {
  if (entry.timer !== undefined) return
  entry.timer = window.setTimeout(() => {
    entry.timer = undefined
    if (entry.watchers.size) entry.reload()
  }, COALESCE_MS)
}

export const concerns = (entry: { on: string[]; about: string | null }, event: FeedEvent): boolean =>
  event.type === 'reset' ||
  (entry.on.includes(event.type) && (entry.about === null || (event.data.trace_id ?? event.data.id) === entry.about))

feed.listen((events) => {
  for (const entry of entries.values()) {
    if (entry.watchers.size && events.some((event) => concerns(entry, event))) soon(entry)
  }
})

export interface Following {
  /** Types of feed events after which it is read again. */
  on?: string[]
  /** Only events of this trace. */
  about?: string
  /** Read again every so many milliseconds, for what the feed does not tell. */
  every?: number
}

/** What an address answers, read when first needed and again when it may have changed. */
export function useResource<T>(path: string | null, following: Following = {}): Resource<T> {
  const subscribe = useCallback(
    (watcher: () => void) => {
      if (path === null) return () => {}
      const entry = entryOf(path)
      entry.watchers.add(watcher)
      return () => entry.watchers.delete(watcher)
    },
    [path],
  )
  const state = useSyncExternalStore(subscribe, () => (path === null ? null : entryOf(path).state))
  const { on, about, every } = following
  useEffect(() => {
    if (path === null) return
    const entry = entryOf(path)
    entry.on = on ?? []
    entry.about = about ?? null
    entry.reload()
    if (!every) return
    const timer = window.setInterval(() => document.hidden || entry.reload(), every)
    return () => window.clearInterval(timer)
  }, [path, on?.join(), about, every])
  if (path === null || state === null) return EMPTY as Resource<T>
  let snapshot = snapshots.get(state)
  if (!snapshot) {
    snapshot = { ...state, reload: entryOf(path).reload }
    snapshots.set(state, snapshot)
  }
  return snapshot as Resource<T>
}

/** After a change of ours: what starts with `prefix` is read again. */
export function refresh(prefix: string): void {
  for (const [path, entry] of entries) if (path.startsWith(prefix) && entry.watchers.size) soon(entry)
}

export const useFeed = (): FeedState => useSyncExternalStore(feed.watch, () => feed.state)
