/** So many a second, and no more once so many have failed again. */
export interface Pace {
  rate: number
  stopAfter: number
}

export interface Progress {
  done: number
  failed: number
}

export type Ending = 'done' | 'failing' | 'stopped'

export interface Work {
  /** At most so many that are still to be done, besides those that were. */
  next: (besides: ReadonlySet<string>, count: number) => Promise<string[]>
  act: (ids: string[]) => Promise<number>
  /** How many of those that were done have failed again. */
  failed: (of: ReadonlySet<string>) => Promise<number>
  /** A second. */
  wait: () => Promise<void>
  isStopped: () => boolean
  tell: (progress: Progress) => void
}

/** Do at most `most`, a part each second, looking after each part whether it is worth going on. */
export async function paced(work: Work, most: number, pace: Pace): Promise<Progress & { ending: Ending }> {
  const sent = new Set<string>()
  const progress = { done: 0, failed: 0 }
  while (!work.isStopped()) {
    if (progress.failed >= pace.stopAfter) return { ...progress, ending: 'failing' }
    const ids = sent.size < most ? await work.next(sent, Math.min(pace.rate, most - sent.size)) : []
    if (!ids.length) return { ...progress, ending: 'done' }
    for (const id of ids) sent.add(id)
    progress.done += await work.act(ids)
    work.tell({ ...progress })
    await work.wait()
    progress.failed = Math.max(progress.failed, await work.failed(sent))
    work.tell({ ...progress })
  }
  return { ...progress, ending: 'stopped' }
}
