import { grouped } from './grouped'
import type { Span, TraceEvent } from './types'

/** One line of the waterfall: a span, or something that happened in it. */
export type Row =
  | { type: 'span'; id: string; depth: number; span: Span; children: number; hidden: boolean }
  | { type: 'event'; id: string; depth: number; span: Span; event: TraceEvent }

export interface Shown {
  logs: boolean
  changes: boolean
  debug: boolean
}

/** The lines to draw: spans below what caused them, in the order they began, each followed by what happened in it. */
export function rowsOf(spans: Span[], events: TraceEvent[], shown: Shown, closed: ReadonlySet<string>): Row[] {
  const children = childrenOf(spans)
  const inside = grouped(events.filter((event) => isShown(event, shown)), (event) => event.span)
  const rows: Row[] = []
  const drawn = new Set<string>()
  const walk = (span: Span, depth: number): void => {
    if (drawn.has(span.id)) return
    drawn.add(span.id)
    const below = children.get(span.id) ?? []
    const own = inside.get(span.id) ?? []
    const hidden = closed.has(span.id)
    rows.push({ type: 'span', id: span.id, depth, span, children: below.length + own.length, hidden })
    if (hidden) return
    own.forEach((event, index) => rows.push({ type: 'event', id: `${span.id}:${index}`, depth: depth + 1, span, event }))
    for (const child of below) walk(child, depth + 1)
  }
  for (const root of children.get('') ?? []) walk(root, 0)
  return rows
}

/** Spans by what caused them: the parent, else the span that sent the message; '' for what began by itself. */
export function childrenOf(spans: Span[]): Map<string, Span[]> {
  const known = new Set(spans.map((span) => span.id))
  const cause = (span: Span): string => {
    const ids = [span.parent, ...(span.links ?? []).map((link) => link.span)]
    return ids.find((id): id is string => id !== null && id !== span.id && known.has(id)) ?? ''
  }
  const found = grouped([...spans].sort((a, b) => a.offset_us - b.offset_us), cause)
  // Spans that cause each other in a circle have no beginning: the first stands for it.
  return found.has('') || !spans.length ? found : found.set('', [spans[0] as Span])
}

function isShown(event: TraceEvent, shown: Shown): boolean {
  if (event.type === 'log') return shown.logs && (shown.debug || (event.level ?? '').toLowerCase() !== 'debug')
  return shown.changes
}

/** The end of a span: a running one reaches to `now`. */
export const endOf = (span: Span, now: number): number => span.offset_us + (span.duration_us ?? Math.max(0, now - span.offset_us))
