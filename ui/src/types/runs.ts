import type { Kind } from './words'

export type TraceStatus = 'running' | 'ok' | 'error' | 'recovered' | (string & {})

export interface Failure {
  type: string
  message: string
  stack?: string | null
  fingerprint?: string | null
}

export interface TraceSummary {
  id: string
  name: string
  trigger: Kind
  flow: string[]
  status: TraceStatus
  start: number
  duration_us: number | null
  busy_us: number | null
  spans: number
  retries: number
  error: Failure | null
}

export interface Span {
  id: string
  parent: string | null
  links?: { span: string; kind: string }[]
  step: string
  kind: Kind
  name: string
  attempt: number | null
  max_attempts: number | null
  offset_us: number
  duration_us: number | null
  wait_us: number | null
  status: string
  input?: unknown
  output?: unknown
  error: Failure | null
  message_id?: string | null
  topic?: string | null
  attrs?: Record<string, unknown> | null
}

export interface TraceEvent {
  span: string
  offset_us: number
  type: 'log' | 'enqueue' | 'state' | 'stream' | 'http'
  level?: string | null
  message?: string | null
  op?: string | null
  target?: string | null
  before?: unknown
  after?: unknown
  fields?: Record<string, unknown> | null
}

export interface TraceDetail {
  trace: TraceSummary
  spans: Span[]
  events: TraceEvent[]
  truncated: boolean
}

export interface LogLine {
  id: string | number
  at: number
  level: string
  step: string | null
  trace_id: string | null
  span_id: string | null
  message: string
  fields: Record<string, unknown> | null
}

export interface FeedEvent {
  id: string | number
  type: string
  data: Record<string, unknown>
}
