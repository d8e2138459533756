import type { Failure } from './runs'

export interface Policy {
  retries: number
  backoff: string
  /** Seconds. */
  timeout: number
  fifo: boolean
  delay_s: number
  on_dead: 'skip' | 'block'
}

export interface Depth {
  ready: number
  delayed: number
  running: number
  dead: number
  /** Behind a dead letter of its group. */
  blocked: number
}

export interface Consumer {
  step: string
  subscription: string
  concurrency: number | null
  policy: Policy | null
  depth: Depth
  paused: boolean
}

export interface QueueSummary {
  topic: string
  kind: 'queue' | 'cron' | 'state' | 'stream' | 'direct'
  consumers: Consumer[]
  policy: Policy | null
  depth: Depth
  oldest_ready_ms: number | null
  rate: { in: number; out: number; fail: number } | null
  paused: boolean
}

export interface MessageSummary {
  id: string
  state: 'dead' | WaitingState
  step: string
  topic: string
  /** When it died; of what is not dead, since when it is there. */
  at: number
  /** When it fell due, or will. */
  run_at: number | null
  attempt: number
  max: number | null
  crashes: number
  reason: string
  error: Failure | null
  trace_id: string | null
  group: string | null
  size: number
  preview: string | null
  /** That runs it. */
  worker: string | null
}

export type WaitingState = 'ready' | 'delayed' | 'running' | 'suspect'

export interface MessageDetail extends MessageSummary {
  payload: unknown
  /** It may be sent again with another payload. */
  editable: boolean
}

export interface ErrorGroup {
  fingerprint: string
  type: string
  message: string
  count: number
}

/** What a bulk action did; `left`: more may match than one action takes. */
export interface Done {
  done: number
  left: boolean
}

export interface Sent {
  message_id: string
  trace_id: string
}

export interface Schedule {
  id: string
  step: string
  expr: string
  tz: string
  words: string
  next: number[]
  last: Fired | null
  paused: boolean
  late: boolean
  overlap: string | null
  history: Fired[] | null
}

export interface Fired {
  at: number
  lag_ms: number | null
  trace_id: string | null
  status: string | null
}

export interface Scope {
  scope: string
  count: number | null
}

export interface StateItem {
  key: string
  value: unknown
  version: string | null
  /** In a list, the length of a value that is too long for one. */
  size?: number | null
}

export interface StreamSummary {
  name: string
  groups: number | null
  schema: unknown
}
