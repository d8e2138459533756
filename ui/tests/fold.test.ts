import { describe, expect, test } from 'vitest'
import { gaps, scaleOf } from '../src/fold'

const S = 1_000_000

describe('gaps', () => {
  test('are stretches of more than a second in which nothing ran', () => {
    const busy = [{ from: 0, to: S / 2 }, { from: 3 * S, to: 4 * S }, { from: 4.5 * S, to: 5 * S }]
    expect(gaps(busy, 5 * S)).toEqual([{ from: S / 2, to: 3 * S }])
  })

  test('are none where something long runs beneath', () => {
    expect(gaps([{ from: 0, to: 9 * S }, { from: S, to: S + 5 }], 9 * S)).toEqual([])
  })

  test('may come before the first and after the last', () => {
    expect(gaps([{ from: 2 * S, to: 3 * S }], 6 * S)).toEqual([{ from: 0, to: 2 * S }, { from: 3 * S, to: 6 * S }])
  })
})

describe('the scale', () => {
  const busy = [{ from: 0, to: S / 2 }, { from: 100 * S, to: 100.5 * S }]

  test('is linear without folds', () => {
    const scale = scaleOf(busy, 100.5 * S, false)
    expect(scale.pieces).toHaveLength(1)
    expect(scale.at(50.25 * S)).toBeCloseTo(0.5)
  })

  test('gives nearly all room to what ran', () => {
    const scale = scaleOf(busy, 100.5 * S, true)
    expect(scale.pieces.map((piece) => piece.folded)).toEqual([false, true, false])
    expect(scale.at(S / 2)).toBeCloseTo(0.475)
    expect(scale.at(100 * S)).toBeCloseTo(0.525)
    expect(scale.at(100.5 * S)).toBeCloseTo(1)
  })

  test('keeps the order of moments, and stays within the axis', () => {
    const scale = scaleOf(busy, 100.5 * S, true)
    const places = [0, 0.2, 0.5, 40, 99, 100, 100.4, 100.5, 200].map((s) => scale.at(s * S))
    expect([...places].sort((a, b) => a - b)).toEqual(places)
    expect(Math.max(...places)).toBeLessThanOrEqual(1)
  })

  test('labels round moments that do not touch', () => {
    const { ticks } = scaleOf(busy, 100.5 * S, true)
    expect(ticks[0]).toEqual({ us: 0, at: 0 })
    for (let index = 1; index < ticks.length; index += 1) {
      expect((ticks[index]?.at ?? 0) - (ticks[index - 1]?.at ?? 0)).toBeGreaterThanOrEqual(0.12)
    }
  })

  test('stands for a trace of no length, and for one with nothing in it', () => {
    expect(scaleOf([{ from: 0, to: 0 }], 0, true).at(0)).toBe(0)
    expect(scaleOf([], 5 * S, true).at(5 * S)).toBeCloseTo(1)
  })
})
