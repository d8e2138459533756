import { describe, expect, test } from 'vitest'
import endpoints from '../fixtures/endpoints.json'
import { fields, problems, sample, valueOf } from '../src/schema'

const ORDER = {
  type: 'object',
  required: ['customer', 'items'],
  properties: {
    customer: { type: 'string', description: 'who' },
    items: { type: 'array', items: { $ref: '#/$defs/Item' } },
    size: { enum: ['s', 'm'] },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null },
  },
  $defs: { Item: { type: 'object', required: ['sku', 'qty'], properties: { sku: { type: 'string' }, qty: { type: 'integer', minimum: 1 } } } },
}

describe('a sample', () => {
  test('has what is required, with references followed', () => {
    expect(sample(ORDER)).toEqual({ customer: '', items: [{ sku: '', qty: 1 }] })
  })

  test('of every endpoint of the real app fits its schema', () => {
    for (const endpoint of endpoints) {
      if (endpoint.body_schema) expect(problems(endpoint.body_schema, sample(endpoint.body_schema))).toEqual([])
    }
    expect(endpoints.some((endpoint) => endpoint.body_schema)).toBe(true)
  })

  test('ends for a schema that holds itself', () => {
    const tree = { type: 'object', required: ['next'], properties: { next: { $ref: '#' } } }
    expect(JSON.stringify(sample(tree)).length).toBeLessThan(200)
  })
})

describe('a form', () => {
  test('has a field for each property, and JSON for what is no single value', () => {
    expect(fields(ORDER)?.map((field) => [field.name, field.type, field.required])).toEqual([
      ['customer', 'string', true], ['items', 'json', true], ['size', 'enum', false], ['note', 'string', false],
    ])
    expect(fields({ type: 'array' })).toBeNull()
    expect(fields(null)).toBeNull()
  })

  test('turns texts into values of the type, and leaves out what is empty', () => {
    const field = (type: 'integer' | 'boolean' | 'string' | 'json', required = false) => ({ name: 'x', type, required, options: [], description: null, fallback: undefined })
    expect(valueOf(field('integer'), '3')).toBe(3)
    expect(valueOf(field('integer'), 'three')).toBe('three')
    expect(valueOf(field('boolean'), 'false')).toBe(false)
    expect(valueOf(field('string'), '')).toBeUndefined()
    expect(valueOf(field('string', true), '')).toBe('')
    expect(valueOf(field('json'), '[1]')).toEqual([1])
  })
})

describe('problems', () => {
  test('name the place and what was expected', () => {
    expect(problems(ORDER, { items: [{ sku: 1, qty: 1.5 }], size: 'l' })).toEqual([
      'body.customer is missing',
      'body.items[0].sku: expected string, got number',
      'body.items[0].qty: expected integer, got number',
      'body.size: one of s, m',
    ])
  })

  test('are none where nothing is certain', () => {
    expect(problems(ORDER, { customer: 'a', items: [], note: null, extra: 1 })).toEqual([])
    expect(problems(null, 5)).toEqual([])
  })
})
