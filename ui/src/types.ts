// What the API answers. Times are epoch milliseconds, span offsets microseconds from the start of the trace.

export type Kind = 'http' | 'queue' | 'cron' | 'state' | 'stream' | 'virtual' | 'noop' | (string & {})
export type TraceStatus = 'running' | 'ok' | 'error' | 'recovered' | (string & {})
export type Right = 'invoke' | 'redrive' | 'discard' | 'pause' | 'run' | 'publish' | 'edit' | (string & {})

export interface Page<T> {
  items: T[]
  next: string | null
  total?: { value: number; capped: boolean } | null
}

export interface Session {
  app: { name: string; version?: string | null; env: string; motia: string }
  user: string | null
  can: Right[]
  csrf: { header: string; token: string } | null
  live: { mode: 'sse' | 'poll'; poll_ms: number }
  stores?: Record<string, string | null>
  retention?: { days?: number | null; traces?: number | null } | null
  warnings?: string[]
}

export interface Failure {
  type: string
  message: string
  stack?: string | null
  fingerprint?: string | null
}

export interface Problem {
  code: string
  step?: string | null
  topic?: string | null
  detail: string
  file?: { path: string; line: number | null } | null
}

export interface Overview {
  totals: { runs: number | null; errors: number | null; p95_ms: number | null; range?: string } | null
  dead: number | null
  ready: number | null
  oldest_ready_ms: number | null
  late_schedules: number | null
  failures: { fingerprint: string; type: string; message: string; count: number; last: { trace_id: string; at: number } }[]
  problems: Problem[]
}

export interface FlowSummary {
  id: string
  steps: number
  edges: number
  runs_1h?: number | null
  errors_1h?: number | null
}

export interface FlowNode {
  id: string
  name: string
  kind: 'step' | 'virtual'
  triggers: { i: number; type: Kind; label: string; detail?: string | null }[]
  desc: string | null
  file: { path: string; line: number | null } | null
  stats: { n: number; err: number; p95_ms: number | null; running?: number | null } | null
  problems: Problem[]
}

export interface FlowEdge {
  id: string
  source: string
  target: string
  kind: 'queue' | 'state' | 'stream' | 'virtual' | 'observed'
  label: string
  topic: string | null
  conditional: boolean
  count?: number | null
}

export interface FlowGraph {
  nodes: FlowNode[]
  edges: FlowEdge[]
}

export interface StepDetail {
  name: string
  config: Record<string, unknown>
  input_schema: unknown
  output_schema: unknown
  emits: string[]
  policy: Policy | null
  source?: string | null
  recent: TraceSummary[]
  file?: { path: string; line: number | null } | null
}

export interface Example {
  name: string
  path?: Record<string, string>
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: unknown
}

export interface Endpoint {
  id: string
  method: string
  path: string
  step: string
  flows: string[]
  summary: string | null
  path_params: string[]
  query_schema: unknown
  body_schema: unknown
  responses: Record<string, unknown>
  examples?: Example[]
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

export interface Policy {
  retries: number
  backoff: string
  /** Seconds. */
  timeout: number
  fifo: boolean
  delay_s: number
}

export interface Depth {
  ready: number
  delayed: number
  running: number
  dead: number
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
  state: 'dead'
  step: string
  topic: string
  /** When it died. */
  at: number
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
}

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
  version: string
}

export interface StreamSummary {
  name: string
  groups: number | null
  schema: unknown
}

export interface FeedEvent {
  id: string | number
  type: string
  data: Record<string, unknown>
}

export interface SearchHit {
  kind: string
  id: string
  label: string
  href: string
}
