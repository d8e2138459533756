// Filters live in the page's address; these read them for the API.

export interface TraceFilter {
  status: string | null
  trigger: string | null
  flow: string | null
  step: string | null
  q: string | null
  min: string | null
  hide: 'cron' | null
}

/** Scheduled traces are hidden unless asked for, since they bury the others. */
export function traceFilter(params: URLSearchParams): TraceFilter {
  const value = (name: string) => params.get(name) || null
  const trigger = value('trigger')
  return {
    status: value('status'),
    trigger,
    flow: value('flow'),
    step: value('step'),
    q: value('q'),
    min: value('min'),
    hide: params.get('scheduled') === 'shown' || trigger === 'cron' ? null : 'cron',
  }
}

export const isNarrow = (filter: TraceFilter): boolean =>
  [filter.status, filter.trigger, filter.flow, filter.step, filter.q, filter.min].some(Boolean)

export interface LogFilter {
  level: string | null
  step: string | null
  trace: string | null
  q: string | null
}

export function logFilter(params: URLSearchParams): LogFilter {
  const value = (name: string) => params.get(name) || null
  return { level: value('level'), step: value('step'), trace: value('trace'), q: value('q') }
}
