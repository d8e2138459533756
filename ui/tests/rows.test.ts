import { describe, expect, test } from 'vitest'
import recovered from '../fixtures/trace-recovered.json'
import { childrenOf, rowsOf } from '../src/rows'
import type { Span, TraceDetail, TraceEvent } from '../src/types'

const span = (id: string, parent: string | null, offset_us: number, more: Partial<Span> = {}): Span => ({
  id, parent, step: id, kind: 'queue', name: id, attempt: 1, max_attempts: 1, offset_us, duration_us: 10, wait_us: null, status: 'ok', error: null, ...more,
})
const event = (spanId: string, type: TraceEvent['type'], level?: string): TraceEvent => ({ span: spanId, offset_us: 1, type, level })
const ALL = { logs: true, changes: true, debug: true }
const names = (spans: Span[], events: TraceEvent[] = [], shown = ALL, closed: string[] = []) =>
  rowsOf(spans, events, shown, new Set(closed)).map((row) => `${'  '.repeat(row.depth)}${row.id}`)

describe('rows of a trace', () => {
  test('stand below what caused them, in the order they began', () => {
    expect(names([span('c', 'a', 30), span('a', null, 0), span('b', 'a', 20), span('d', 'b', 25)])).toEqual(['a', '  b', '    d', '  c'])
  })

  test('follow the message where the parent is not there', () => {
    expect(names([span('a', null, 0), span('b', 'elsewhere', 5, { links: [{ span: 'a', kind: 'enqueue' }] })])).toEqual(['a', '  b'])
  })

  test('lose none to a circle', () => {
    expect(childrenOf([span('a', 'b', 0), span('b', 'a', 5)]).get('')).toHaveLength(1)
    expect(names([span('a', 'b', 0), span('b', 'a', 5)])).toEqual(['a', '  b'])
  })

  test('hold what happened in each, unless it is not wanted', () => {
    const events = [event('a', 'log', 'info'), event('a', 'state'), event('a', 'log', 'debug')]
    expect(names([span('a', null, 0)], events)).toEqual(['a', '  a:0', '  a:1', '  a:2'])
    expect(names([span('a', null, 0)], events, { logs: true, changes: false, debug: false })).toHaveLength(2)
    expect(names([span('a', null, 0)], events, { logs: false, changes: true, debug: true })).toHaveLength(2)
  })

  test('of a real trace are all its spans, below the request, and all that happened', () => {
    const { spans, events } = recovered as unknown as TraceDetail
    const rows = rowsOf(spans, events, ALL, new Set())
    expect(rows.filter((row) => row.depth === 0)).toHaveLength(1)
    expect(rows[0]?.span.kind).toBe('http')
    expect(rows).toHaveLength(spans.length + events.length)
  })

  test('hide what is below a closed one', () => {
    expect(names([span('a', null, 0), span('b', 'a', 5)], [event('a', 'log')], ALL, ['a'])).toEqual(['a'])
  })
})
