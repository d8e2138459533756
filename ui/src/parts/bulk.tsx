import { useState } from 'react'
import { ApiError, at as join, post } from '../api'
import { count as text } from '../format'
import { refresh } from '../store'
import type { Done } from '../types'
import { Failure } from './answers'
import { Dialog } from './dialog'
import { tell } from './toasts'

export type Verb = 'redrive' | 'discard'

const MOST_TURNS = 200

interface Props {
  verb: Verb
  topic: string
  /** null: all that match the filter. */
  ids: string[] | null
  filter: { error: string | null; q: string | null }
  count: number
  close: (isDone: boolean) => void
}

/** Redrive or discard, after a second look at how many that is; the server counts again. */
export function Bulk({ verb, topic, ids, filter, count, close }: Props) {
  const [busy, setBusy] = useState(false)
  const [done, setDone] = useState(0)
  const [error, setError] = useState<ApiError | null>(null)
  const [expected, setExpected] = useState(count)
  const word = verb === 'redrive' ? 'Redrive' : 'Discard'
  const many = `${text(expected)} ${expected === 1 ? 'message' : 'messages'}`

  const act = async () => {
    setBusy(true)
    setError(null)
    try {
      const total = await run(join('queues', topic, verb), ids, filter, expected, setDone)
      tell(`${verb === 'redrive' ? 'Redriven' : 'Discarded'}: ${text(total)}`)
      close(true)
    } catch (failed) {
      const said = failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed))
      setError(said)
      const grown = (said.body as { count?: number } | null)?.count
      if (said.code === 'count_grew' && grown !== undefined) setExpected(grown)
    } finally {
      setBusy(false)
      refresh('queues')
    }
  }

  return (
    <Dialog
      title={`${word} ${many}`}
      close={() => !busy && close(done > 0)}
      submit={() => void act()}
      foot={
        <>
          <button type="button" disabled={busy} onClick={() => close(done > 0)}>Cancel</button>
          <button type="submit" className={verb === 'redrive' ? 'primary' : 'danger'} disabled={busy || expected === 0}>
            {busy ? 'Working…' : `${word} ${text(expected)}`}
          </button>
        </>
      }
    >
      <p>
        {verb === 'redrive'
          ? 'Each goes back to its step, with its payload as it was and its attempts counted anew. What fails again comes back here.'
          : 'They are deleted for good. Nothing runs them again.'}
      </p>
      <p className="mute">
        Queue <code>{topic}</code>
        {ids === null && filter.error && <> · failure <code>{filter.error}</code></>}
        {ids === null && filter.q && <> · text <code>{filter.q}</code></>}
      </p>
      {busy && expected > 0 && <progress value={done} max={expected} aria-label="Done so far" />}
      {error && <Failure error={error} what={done ? `After ${text(done)}` : undefined} />}
    </Dialog>
  )
}

// The server takes a bounded part at a time and says whether more is left.
async function run(path: string, ids: string[] | null, filter: Props['filter'], expect: number, tellDone: (done: number) => void): Promise<number> {
  let done = 0
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    const wanted = Object.fromEntries(Object.entries(filter).filter(([, value]) => value))
    const answer = await post<Done>(path, ids ? { ids } : { filter: wanted, expect: expect - done })
    done += answer.done
    tellDone(done)
    if (!answer.left || answer.done === 0 || done >= expect) break
  }
  return done
}
