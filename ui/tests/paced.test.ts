import { describe, expect, test } from 'vitest'
import { paced, type Progress } from '../src/paced'

/** Letters of which some fail again as soon as they are redriven. */
function letters(ids: string[], bad: (id: string) => boolean, stopAt = Infinity) {
  const parts: string[][] = []
  const told: Progress[] = []
  let seconds = 0
  return {
    parts,
    told,
    work: {
      next: async (besides: ReadonlySet<string>, count: number) => ids.filter((id) => !besides.has(id)).slice(0, count),
      act: async (part: string[]) => parts.push(part) && part.length,
      failed: async (of: ReadonlySet<string>) => [...of].filter(bad).length,
      wait: async () => void (seconds += 1),
      isStopped: () => seconds >= stopAt,
      tell: (progress: Progress) => void told.push(progress),
    },
  }
}

const many = Array.from({ length: 10 }, (_, index) => `m${index}`)

describe('what is done at a pace', () => {
  test('is done in parts, a second apart, and to its end', async () => {
    const { work, parts, told } = letters(many, () => false)
    expect(await paced(work, 10, { rate: 4, stopAfter: 1 })).toEqual({ done: 10, failed: 0, ending: 'done' })
    expect(parts.map((part) => part.length)).toEqual([4, 4, 2])
    expect(told.at(-1)).toEqual({ done: 10, failed: 0 })
  })

  test('ends when too many fail again', async () => {
    const { work, parts } = letters(many, (id) => id > 'm2')
    expect(await paced(work, 10, { rate: 3, stopAfter: 2 })).toEqual({ done: 6, failed: 3, ending: 'failing' })
    expect(parts).toHaveLength(2)
  })

  test('ends when somebody says so', async () => {
    const { work } = letters(many, () => false, 2)
    expect(await paced(work, 10, { rate: 1, stopAfter: 1 })).toEqual({ done: 2, failed: 0, ending: 'stopped' })
  })

  test('is never more than was asked for', async () => {
    const { work, parts } = letters(many, () => false)
    expect((await paced(work, 5, { rate: 3, stopAfter: 1 })).done).toBe(5)
    expect(parts.flat()).toEqual(many.slice(0, 5))
  })
})
