import { describe, expect, test } from 'vitest'
import { BEGINNING, pause, reduce } from '../src/feed'
import { concerns } from '../src/store'
import told from '../fixtures/feed.json'

describe('the feed', () => {
  test('is live once something was answered, and keeps the cursor', () => {
    const state = reduce(BEGINNING, { type: 'answered', cursor: told.cursor })
    expect(state).toMatchObject({ status: 'live', cursor: told.cursor, lostAt: null })
    expect(reduce(state, { type: 'answered', cursor: null }).cursor).toBe(told.cursor)
  })

  test('tells since when it is lost, from the first failure on', () => {
    const once = reduce(BEGINNING, { type: 'failed', at: 1_000, reason: 'away' })
    const twice = reduce(once, { type: 'failed', at: 9_000, reason: 'still away' })
    expect(twice).toMatchObject({ status: 'lost', lostAt: 1_000, reason: 'still away' })
    expect(reduce(twice, { type: 'answered', cursor: '5' })).toMatchObject({ status: 'live', lostAt: null, reason: null })
  })

  test('goes on at its cursor when the tab is seen again', () => {
    const live = reduce(BEGINNING, { type: 'answered', cursor: '7' })
    const shown = reduce(reduce(live, { type: 'hidden' }), { type: 'shown' })
    expect(shown).toMatchObject({ status: 'connecting', cursor: '7' })
  })

  test('asks at its usual pace, and waits longer with every failure, up to ten seconds', () => {
    expect([0, 1, 2, 3, 4, 5, 20].map((failures) => pause(failures, 1_000))).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })
})

describe('what is read again', () => {
  const event = (type: string, data = {}) => ({ id: '1', type, data })
  test('is what listens to the type of event', () => {
    expect(concerns({ on: ['trace.upsert'], about: null }, event('trace.upsert'))).toBe(true)
    expect(concerns({ on: ['trace.upsert'], about: null }, event('log.append'))).toBe(false)
  })

  test('is everything after a reset', () => {
    expect(concerns({ on: [], about: 'a' }, event('reset'))).toBe(true)
  })

  test('is one trace for the events of that trace alone', () => {
    const entry = { on: ['span.upsert', 'trace.upsert'], about: 'a' }
    expect(concerns(entry, event('span.upsert', { trace_id: 'a' }))).toBe(true)
    expect(concerns(entry, event('span.upsert', { trace_id: 'b', id: 'a' }))).toBe(false)
    expect(concerns(entry, event('trace.upsert', { id: 'a' }))).toBe(true)
    expect(concerns(entry, event('trace.upsert', { id: 'b' }))).toBe(false)
  })
})
