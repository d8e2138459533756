import type { TraceSummary } from './runs'
import type { Kind } from './words'
import type { Policy } from './work'

export type Right = 'invoke' | 'redrive' | 'discard' | 'cancel' | 'pause' | 'run' | 'publish' | 'edit' | (string & {})

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

/** One part of the range; null for what was not counted. */
export interface Point {
  at: number
  runs: number | null
  errors: number | null
  p95_ms: number | null
}

export interface Metrics {
  range: string
  step_ms: number
  points: Point[]
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
  /** `state` and `stream`: a place whose changes start steps. */
  kind: 'step' | 'virtual' | 'state' | 'stream'
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
  /** What was seen of it within the range; null where nothing is recorded. */
  count?: number | null
  /** Of an observed one: how the one step set off the other. */
  via?: string | null
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

export interface SearchHit {
  kind: string
  id: string
  label: string
  href: string
}
