import { describe, expect, test } from 'vitest'
import flow from '../fixtures/flow.json'
import { at, query } from '../src/api'
import { isNarrow, traceFilter } from '../src/filters'
import { age, bytes, count, duration, milliseconds, NONE, percent, plain } from '../src/format'
import { arrows, labelOf, mermaid, overlay } from '../src/graph'
import { parse } from '../src/parts/json-field'
import { pick, selected } from '../src/picking'
import { base, href, parts } from '../src/route'
import { asCurl, filled, newTrace, sending } from '../src/tester'
import type { Endpoint, FlowGraph, Span } from '../src/types'

describe('texts', () => {
  test('of durations have the unit that suits them', () => {
    expect([0, 999, 1_500, 41_000, 3_040_000, 75_000_000, 7_500_000_000].map(duration)).toEqual(['0 µs', '999 µs', '1.5 ms', '41 ms', '3.04 s', '1 min 15 s', '2 h 5 min'])
  })

  test('of what is not known are a dash, and never a number', () => {
    expect([duration(null), count(null), percent(1, null), percent(null, 5), percent(0, 0), bytes(undefined)]).toEqual(Array(6).fill(NONE))
    expect([count(0), percent(0, 5), percent(1, 5_000)]).toEqual(['0', '0 %', '< 0.1 %'])
  })

  test('of rounded times claim no more than is known', () => {
    expect([milliseconds(0), milliseconds(0.4), milliseconds(null)]).toEqual(['< 1 ms', '400 µs', NONE])
  })

  test('of moments say how far away they are', () => {
    expect([age(0, 500), age(0, 61_000), age(7_200_000, 0)]).toEqual(['now', '1 min ago', 'in 2 h'])
  })

  test('lose the colours of terminals', () => {
    expect(plain('\u001b[31mred\u001b[0m')).toBe('red')
  })
})

describe('addresses', () => {
  const ODD = 'a/b %2F ü?#'
  test('of the page take any name, and give it back', () => {
    expect(parts(base + href(['state', ODD]))).toEqual(['state', ODD])
    expect(base).toBe('/shop/workbench')
  })

  test('of the API encode names twice, and leave out what is not asked for', () => {
    expect(at('state', 'a/b')).toBe('state/a%252Fb')
    expect(query({ a: 1, b: null, c: '', d: 'x y' })).toBe('?a=1&d=x+y')
  })
})

describe('filters', () => {
  const filter = (text: string) => traceFilter(new URLSearchParams(text))
  test('hide scheduled traces unless these are asked for', () => {
    expect([filter('').hide, filter('scheduled=shown').hide, filter('trigger=cron').hide]).toEqual(['cron', null, null])
  })

  test('know whether they leave anything out', () => {
    expect([isNarrow(filter('')), isNarrow(filter('q=x')), isNarrow(filter('status=error'))]).toEqual([false, true, true])
  })
})

describe('choosing rows', () => {
  const page = ['a', 'b', 'c']
  test('counts all that match, beyond the page', () => {
    expect(selected({ ids: new Set(page), all: true }, page, 118)).toEqual({ count: 118, ids: null })
  })

  test('of all but one leaves the page without that one', () => {
    const picked = pick({ ids: new Set(page), all: true }, 'b', page)
    expect(selected(picked, page, 118)).toEqual({ count: 2, ids: ['a', 'c'] })
  })

  test('forgets what is gone from the page', () => {
    expect(selected({ ids: new Set(['a', 'z']), all: false }, page, 3)).toEqual({ count: 1, ids: ['a'] })
  })
})

describe('the tester', () => {
  const endpoint = { method: 'POST', path: '/shop/orders/{id}/lines/:line', path_params: ['id', 'line'] } as Endpoint
  const draft = { path: { id: 'a/b', line: '2' }, query: [['dry', 'true'], ['', 'x']], headers: [] as [string, string][], body: '{"a": "it\'s"}' }

  test('fills in the path, and sends JSON in a trace of its own', () => {
    const trace = newTrace()
    const sent = sending(endpoint, { ...draft, query: [['dry', 'true'], ['', 'x']] }, trace.header)
    expect(sent.url).toBe('/shop/orders/a%2Fb/lines/2?dry=true')
    expect(sent.headers).toEqual({ 'content-type': 'application/json', traceparent: trace.header })
    expect(trace.header).toMatch(new RegExp(`^00-${trace.id}-[0-9a-f]{16}-01$`))
  })

  test('leaves open what is not given', () => {
    expect(filled(endpoint.path, {})).toBe(endpoint.path)
  })

  test('quotes for the shell', () => {
    expect(asCurl(sending(endpoint, { ...draft, query: [] }, null), 'http://x')).toContain(`--data '{"a": "it'\\''s"}'`)
  })
})

describe('JSON fields', () => {
  test('say where JSON ends being JSON', () => {
    expect(parse('{"a": 1}')).toEqual({ ok: true, value: { a: 1 } })
    const found = parse('{\n  "a": x\n}')
    expect(found.ok ? '' : found.problem).toMatch(/^Line 2, column 8|Unexpected token/)
    expect(parse('  ')).toEqual({ ok: false, problem: 'Empty: expected JSON' })
  })
})

describe('a flow', () => {
  test('tells what was seen of a declared arrow at that arrow, and draws the rest beside', () => {
    const graph = flow as unknown as FlowGraph
    const drawn = arrows(graph)
    expect(drawn.filter((edge) => edge.kind !== 'observed').map(labelOf)).toEqual(['order.placed · 4', 'order.paid · 2', 'order.paid', 'changes · 4', 'changes · 4'])
    expect(drawn.filter((edge) => edge.kind === 'observed').map((edge) => edge.via)).toEqual(['stream', 'state'])
    expect(new Set(drawn.map((edge) => edge.id)).size).toBe(drawn.length)
  })

  test('is a Mermaid chart with every edge, and names that start no markup', () => {
    const graph = flow as unknown as FlowGraph
    expect(mermaid(graph).match(/-->|-\.->/g)).toHaveLength(arrows(graph).length)
    const odd = { nodes: [{ ...graph.nodes[0], id: 'x', name: '"<b>' }], edges: [] } as unknown as FlowGraph
    expect(mermaid(odd)).toContain('#quot;#lt;b#gt;')
  })

  test('shows how the last attempt of a step ended', () => {
    const spans = [{ step: 's', offset_us: 9, status: 'ok', attempt: 2 }, { step: 's', offset_us: 1, status: 'retry', attempt: 1 }] as Span[]
    expect(overlay(spans).get('s')).toEqual({ status: 'ok', attempts: 2 })
  })
})
