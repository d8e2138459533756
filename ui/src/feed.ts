import { address, ApiError, get, query } from './api'
import type { FeedEvent, Session } from './types'

/** What the foot of the rail shows: whether the page follows what happens, and since when it does not. */
export interface FeedState {
  status: 'connecting' | 'live' | 'lost' | 'hidden'
  cursor: string | null
  lostAt: number | null
  reason: string | null
}

export type FeedAction =
  | { type: 'answered'; cursor: string | null }
  | { type: 'failed'; at: number; reason: string }
  | { type: 'hidden' }
  | { type: 'shown' }

export const BEGINNING: FeedState = { status: 'connecting', cursor: null, lostAt: null, reason: null }

export function reduce(state: FeedState, action: FeedAction): FeedState {
  switch (action.type) {
    case 'answered':
      return { status: 'live', cursor: action.cursor ?? state.cursor, lostAt: null, reason: null }
    case 'failed':
      return { ...state, status: 'lost', lostAt: state.lostAt ?? action.at, reason: action.reason }
    case 'hidden':
      return { ...state, status: 'hidden' }
    case 'shown':
      return { ...state, status: 'connecting' }
  }
}

/** How long to wait before the next try: a second, doubling to ten. */
export const pause = (failures: number, usual: number): number =>
  failures === 0 ? usual : Math.min(10_000, 1_000 * 2 ** (failures - 1))

const SILENCE_MS = 20_000
const RESET: FeedEvent = { id: '', type: 'reset', data: {} }

interface Told {
  events: FeedEvent[]
  cursor: string
  reset?: boolean
}

type Listener = (events: FeedEvent[]) => void

/** One change feed per tab: polled, or pushed where the server can; off while the tab is hidden. */
export class Feed {
  state = BEGINNING
  private watchers = new Set<() => void>()
  private listeners = new Set<Listener>()
  private timer: number | undefined
  private source: EventSource | undefined
  private failures = 0
  private live: Session['live'] | null = null

  start(live: Session['live']): void {
    if (this.live) return
    this.live = live
    document.addEventListener('visibilitychange', this.toggle)
    this.connect()
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  watch = (watcher: () => void): (() => void) => {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** Try again at once. */
  retry = (): void => {
    this.failures = 0
    this.connect()
  }

  private connect(): void {
    window.clearTimeout(this.timer)
    this.source?.close()
    this.source = undefined
    if (this.live?.mode === 'sse') this.push()
    else void this.poll()
  }

  private toggle = (): void => {
    if (document.hidden) {
      window.clearTimeout(this.timer)
      this.source?.close()
      this.source = undefined
      this.set({ type: 'hidden' })
    } else {
      this.set({ type: 'shown' })
      this.retry()
    }
  }

  private async poll(): Promise<void> {
    try {
      const path = `events${query({ after: this.state.cursor })}`
      const told = await get<Told>(path)
      if (document.hidden) return
      this.take(told)
    } catch (error) {
      this.fail(error instanceof ApiError ? error.message : String(error))
    }
    if (!document.hidden) this.later()
  }

  private push(): void {
    const source = new EventSource(address(`events${query({ after: this.state.cursor })}`))
    this.source = source
    source.onmessage = (message: MessageEvent<string>) => this.take(JSON.parse(message.data) as Told)
    source.onopen = () => this.take({ events: [], cursor: this.state.cursor ?? '' })
    source.onerror = () => this.broken(source)
    this.expect()
  }

  // The server ends a stream after 5 seconds: a longer silence is a line that has died unnoticed.
  private expect(): void {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => {
      this.fail('Nothing was heard from the app for a while.')
      this.connect()
    }, SILENCE_MS)
  }

  // The server ends each stream after a while and the browser comes back by itself: that is no loss. A stream it gives
  // up (too many, or a proxy that answers something else) is replaced by polling.
  private broken(source: EventSource): void {
    if (source.readyState === EventSource.CLOSED) {
      this.source = undefined
      this.live = { mode: 'poll', poll_ms: this.live?.poll_ms ?? 1_000 }
      this.later()
      return
    }
    this.failures += 1
    if (this.failures > 1) this.fail('The app cannot be reached. Is it still running?')
  }

  // What was missed while it was lost is read anew.
  private take(told: Told): void {
    const missed = told.reset || this.state.status === 'lost'
    this.failures = 0
    this.set({ type: 'answered', cursor: told.cursor || null })
    if (this.source) this.expect()
    this.tell(missed ? [RESET] : told.events)
  }

  private later(): void {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => void this.poll(), pause(this.failures, this.live?.poll_ms ?? 1_000))
  }

  private fail(reason: string): void {
    this.failures += 1
    this.set({ type: 'failed', at: Date.now(), reason })
  }

  private tell(events: FeedEvent[]): void {
    if (events.length) for (const listener of this.listeners) listener(events)
  }

  private set(action: FeedAction): void {
    const before = this.state
    this.state = reduce(before, action)
    if (before.status !== this.state.status) for (const watcher of this.watchers) watcher()
  }
}

export const feed = new Feed()
