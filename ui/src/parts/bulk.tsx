import { useEffect, useRef, useState } from 'react'
import { ApiError, at as join, get, post, query } from '../api'
import { count as text } from '../format'
import { paced, type Pace, type Progress } from '../paced'
import { refresh } from '../store'
import type { Done, MessageSummary, Page } from '../types'
import { Failure } from './answers'
import { Segmented } from './controls'
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
  const [{ done, failed }, setProgress] = useState<Progress>({ done: 0, failed: 0 })
  const [pace, setPace] = useState<Pace | null>(null)
  const [ended, setEnded] = useState<string | null>(null)
  const isStopped = useRef(false)
  useEffect(() => {
    isStopped.current = false
    return () => {
      isStopped.current = true
    }
  }, [])
  const [error, setError] = useState<ApiError | null>(null)
  const [expected, setExpected] = useState(count)
  const word = verb === 'redrive' ? 'Redrive' : 'Discard'
  const many = `${text(expected)} ${expected === 1 ? 'message' : 'messages'}`

  const act = async () => {
    setBusy(true)
    setError(null)
    try {
      if (pace !== null) return await actAt(pace)
      const total = await run(join('queues', topic, verb), ids, filter, expected, (now) => setProgress({ done: now, failed: 0 }))
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

  const actAt = async (chosen: Pace) => {
    isStopped.current = false
    const work = { ...letters(topic, ids, filter), isStopped: () => isStopped.current, tell: setProgress }
    const found = await paced(work, expected, chosen)
    if (found.ending !== 'done') return setEnded(`Stopped${found.ending === 'failing' ? ', since too many failed again' : ''}: ${text(found.done)} redriven, ${text(found.failed)} failed again.`)
    tell(`Redriven: ${text(found.done)}${found.failed ? `, ${text(found.failed)} failed again` : ''}`)
    close(true)
  }

  if (ended !== null) {
    return (
      <Dialog title="Stopped" close={() => close(true)} submit={() => close(true)} foot={<button type="submit" className="primary">Close</button>}>
        <p role="status">{ended} The rest is where it was.</p>
      </Dialog>
    )
  }
  return (
    <Dialog
      title={`${word} ${many}`}
      close={() => !busy && close(done > 0)}
      submit={() => void act()}
      foot={
        <>
          {busy && pace !== null ? (
            <button type="button" onClick={() => (isStopped.current = true)}>Stop</button>
          ) : (
            <button type="button" disabled={busy} onClick={() => close(done > 0)}>Cancel</button>
          )}
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
      {verb === 'redrive' && expected > 1 && <PaceField of={pace} change={setPace} disabled={busy} />}
      {busy && pace !== null && <p role="status">{text(done)} redriven, {text(failed)} failed again</p>}
      {busy && expected > 0 && <progress value={done} max={expected} aria-label="Done so far" />}
      {error && <Failure error={error} what={done ? `After ${text(done)}` : undefined} />}
    </Dialog>
  )
}

const START: Pace = { rate: 10, stopAfter: 5 }

function PaceField({ of, change, disabled }: { of: Pace | null; change: (pace: Pace | null) => void; disabled: boolean }) {
  const field = (label: string, name: keyof Pace, max: number) => (
    <label className="field">
      <span>{label}</span>
      <input type="number" min={1} max={max} required disabled={disabled} value={of?.[name] || ''} onChange={(event) => of && change({ ...of, [name]: Math.min(max, Math.max(0, Math.floor(event.target.valueAsNumber || 0))) })} />
    </label>
  )
  return (
    <>
      <div><Segmented label="Pace" value={of === null ? 'once' : 'paced'} options={[['once', 'All at once'], ['paced', 'So many a second']]} choose={(next) => !disabled && change(next === 'once' ? null : START)} /></div>
      {of !== null && (
        <>
          <div className="row">{field('A second', 'rate', 100)}{field('Stop when failed again', 'stopAfter', 100)}</div>
          <p className="mute">It goes on as long as this page is open. What is retried later fails later, too.</p>
        </>
      )}
    </>
  )
}

/** The dead letters to be redriven at a pace, as the newest ones of the queue tell of them. */
function letters(topic: string, ids: string[] | null, filter: Props['filter']) {
  const dead = async (values: Record<string, string | null>) =>
    (await get<Page<MessageSummary>>(`${join('queues', topic, 'messages')}${query({ state: 'dead', limit: 200, ...values })}`)).items.map((item) => item.id)
  return {
    next: async (besides: ReadonlySet<string>, count: number) => (ids ?? (await dead(filter))).filter((id) => !besides.has(id)).slice(0, count),
    act: async (part: string[]) => (await post<Done>(join('queues', topic, 'redrive'), { ids: part })).done,
    failed: async (of: ReadonlySet<string>) => (await dead({})).filter((id) => of.has(id)).length,
    wait: () => new Promise<void>((go) => window.setTimeout(go, 1000)),
  }
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
