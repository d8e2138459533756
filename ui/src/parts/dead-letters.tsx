import { useEffect, useState } from 'react'
import { Link } from 'wouter'
import { at as join, query } from '../api'
import { count } from '../format'
import { useKeys } from '../keys'
import { pick, selected, type Picked } from '../picking'
import { href, useQuery } from '../route'
import { useCan } from '../session'
import { useResource } from '../store'
import type { ErrorGroup, MessageSummary, Page as Items } from '../types'
import { Empty, Shown } from './answers'
import { Bulk, type Verb } from './bulk'
import { Search } from './controls'
import { Icon } from './icons'
import { Age } from './marks'
import { MessageInspector } from './message'
import { Pager } from './page'

const LIVE = ['message.upsert', 'queue.stats', 'op.progress']
const EVERY = 5_000
const NOTHING: Picked = { ids: new Set(), all: false }

/** What failed for good: alike failures in groups, each letter with its error, and what to do with them. */
export function DeadLetters({ topic, dead }: { topic: string; dead: number }) {
  const [params, change] = useQuery()
  const [error, q, cursor] = [params.get('error'), params.get('q'), params.get('cursor')]
  const path = join('queues', topic, 'messages')
  const letters = useResource<Items<MessageSummary>>(`${path}${query({ state: 'dead', error, q, cursor, limit: 50 })}`, { on: LIVE, every: EVERY })
  const groups = useResource<ErrorGroup[]>(join('queues', topic, 'errors'), { on: LIVE, every: EVERY })
  const [picked, setPicked] = useState<Picked>(NOTHING)
  const [verb, setVerb] = useState<Verb | null>(null)
  const set = (values: Record<string, string | null>) => change({ ...values, cursor: null, id: null })
  useEffect(() => setPicked(NOTHING), [topic, error, q, cursor])
  const items = letters.data?.items ?? []
  const total = letters.data?.total?.value ?? items.length
  const chosen = selected(picked, items.map((item) => item.id), total)
  const canRedrive = useCan('redrive')
  useKeys({ r: () => chosen.count > 0 && canRedrive && setVerb('redrive') })
  const id = params.get('id')
  return (
    <div className="split">
      <div className="split-main">
        <div className="bar-tools">
          <Groups of={groups.data ?? []} chosen={error} choose={(next) => set({ error: next })} />
          <span className="grow" />
          <Search label="Error, payload or id" value={q ?? ''} change={(text) => set({ q: text })} />
        </div>
        <Shown of={letters} what="Dead letters">
          {(data) =>
            data.items.length ? (
              <>
                <Letters items={data.items} picked={picked} set={setPicked} chosen={id} open={(next) => change({ id: next })} />
                <Pager shown={data.items.length} total={data.total} next={data.next} cursor={cursor} go={(next) => change({ cursor: next }, false)} />
              </>
            ) : (
              <Empty title={error || q ? 'Nothing matches' : 'All clear'} icon="ok">
                {error || q ? <button type="button" onClick={() => set({ error: null, q: null })}>Show all dead letters</button> : <p>{dead ? 'They are gone by now.' : 'No message of this queue has failed for good.'}</p>}
              </Empty>
            )
          }
        </Shown>
        {chosen.count > 0 && (
          <Selection count={chosen.count} canAll={!picked.all && total > items.length && chosen.count === items.length} total={total} all={() => setPicked({ ...picked, all: true })} clear={() => setPicked(NOTHING)} act={setVerb} />
        )}
      </div>
      {id && <MessageInspector key={id} topic={topic} id={id} close={() => change({ id: null })} />}
      {verb && (
        <Bulk verb={verb} topic={topic} ids={chosen.ids} filter={{ error, q }} count={chosen.count} close={(isDone) => {
          setVerb(null)
          if (!isDone) return
          setPicked(NOTHING)
          change({ id: null })
        }} />
      )}
    </div>
  )
}

function Groups({ of, chosen, choose }: { of: ErrorGroup[]; chosen: string | null; choose: (fingerprint: string | null) => void }) {
  const most = Math.max(1, ...of.map((group) => group.count))
  return (
    <div className="groups" role="group" aria-label="Failures, alike ones together">
      {of.slice(0, 8).map((group) => (
        <button
          key={group.fingerprint}
          type="button"
          aria-pressed={group.fingerprint === chosen}
          title={group.message}
          onClick={() => choose(group.fingerprint === chosen ? null : group.fingerprint)}
        >
          <i style={{ width: `${(100 * group.count) / most}%` }} />
          <span className="clip">{group.type}</span> <b>{count(group.count)}</b>
        </button>
      ))}
    </div>
  )
}

function Letters(props: { items: MessageSummary[]; picked: Picked; set: (picked: Picked) => void; chosen: string | null; open: (id: string) => void }) {
  const { items, picked } = props
  const isPicked = (id: string) => picked.all || picked.ids.has(id)
  const all = items.every((item) => isPicked(item.id))
  return (
    <table className="table">
      <thead>
        <tr>
          <th className="fit">
            <input type="checkbox" aria-label="All on this page" checked={all} onChange={() => props.set({ ids: new Set(all ? [] : items.map((item) => item.id)), all: false })} />
          </th>
          <th>Error</th>
          <th className="fit handy">Step</th>
          <th className="number fit">Attempts</th>
          <th className="roomy">Payload</th>
          <th className="fit">Trace</th>
          <th className="number fit">Died</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id} data-row aria-selected={item.id === props.chosen}>
            <td className="fit"><input type="checkbox" className="above" aria-label={`Choose ${item.id}`} checked={isPicked(item.id)} onChange={() => props.set(pick(picked, item.id, items.map((one) => one.id)))} /></td>
            <td>
              <button type="button" className="cover text" onClick={() => props.open(item.id)}>
                <strong>{item.error?.type ?? item.reason}</strong> <span className="soft">{item.error?.message}</span>
              </button>
            </td>
            <td className="fit soft handy">{item.step}</td>
            <td className="number fit">{item.attempt}{item.max !== null && <span className="mute">/{item.max}</span>}</td>
            <td className="mono soft roomy">{item.preview}</td>
            <td className="fit">{item.trace_id && <Link className="chip mono above" href={href(['traces', item.trace_id])}>{item.trace_id.slice(0, 6)}</Link>}</td>
            <td className="number fit mute"><Age at={item.at} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Selection(props: { count: number; total: number; canAll: boolean; all: () => void; clear: () => void; act: (verb: Verb) => void }) {
  const canRedrive = useCan('redrive')
  const canDiscard = useCan('discard')
  return (
    <div className="selection" role="toolbar" aria-label="What to do with the chosen">
      <b>{count(props.count)} chosen</b>
      {props.canAll && <button type="button" className="plain" onClick={props.all}>Choose all {count(props.total)} that match</button>}
      <button type="button" className="plain" onClick={props.clear}>None</button>
      <span className="grow" />
      {canRedrive && <button type="button" className="primary" onClick={() => props.act('redrive')}><Icon name="refresh" size={13} />Redrive…</button>}
      {canDiscard && <button type="button" onClick={() => props.act('discard')}><Icon name="trash" size={13} />Discard…</button>}
      {!canRedrive && !canDiscard && <span className="mute">You may look, and change nothing.</span>}
    </div>
  )
}
