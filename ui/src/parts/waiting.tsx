import { useState } from 'react'
import { Link } from 'wouter'
import { ApiError, at as join, post, query } from '../api'
import { bytes, count, moment } from '../format'
import { href, useQuery } from '../route'
import { useCan } from '../session'
import { refresh, useResource } from '../store'
import type { Done, MessageSummary, Page as Items, WaitingState } from '../types'
import { Empty, Failure, Shown } from './answers'
import { Choice } from './controls'
import { Dialog } from './dialog'
import { Age, Status } from './marks'
import { Facts, Inspector, Section } from './page'
import { ErrorBox } from './span-inspector'
import { tell } from './toasts'

const LIVE = ['message.upsert', 'queue.stats']
const EVERY = 3_000
const MOST = 200
const ORDERS: Record<WaitingState, readonly (readonly [string, string])[]> = {
  ready: [['oldest', 'Oldest first'], ['newest', 'Newest first']],
  suspect: [['oldest', 'Oldest first'], ['newest', 'Newest first']],
  running: [['oldest', 'Oldest first'], ['newest', 'Newest first']],
  delayed: [['oldest', 'Due soon first'], ['newest', 'Due last first']],
}
const NOTHING: Record<WaitingState, string> = {
  ready: 'Nothing waits for a worker.',
  delayed: 'Nothing waits for its time.',
  running: 'Nothing runs at the moment.',
  suspect: 'No worker has died over one of these.',
}

/** What waits or runs in a queue: at most so many, from either end. */
export function Waiting({ topic, state }: { topic: string; state: Exclude<WaitingState, 'suspect'> }) {
  const [params, change] = useQuery()
  const order = params.get('order') ?? 'oldest'
  const path = (of: WaitingState) => `${join('queues', topic, 'messages')}${query({ state: of, order, limit: MOST })}`
  const rows = useResource<Items<MessageSummary>>(path(state), { on: LIVE, every: EVERY })
  const suspects = useResource<Items<MessageSummary>>(state === 'ready' ? path('suspect') : null, { on: LIVE, every: EVERY })
  const id = params.get('id')
  const open = (next: string | null) => change({ id: next })
  const all = [...(rows.data?.items ?? []), ...(suspects.data?.items ?? [])]
  return (
    <div className="split">
      <div className="split-main">
        <div className="bar-tools">
          <span className="soft">{rows.data && said(rows.data)}</span>
          <span className="grow" />
          <Choice label="Order" value={order} options={ORDERS[state]} choose={(next) => change({ order: next === 'oldest' ? null : next, id: null })} />
        </div>
        <Shown of={rows} what="Messages">
          {(data) => (data.items.length ? <Rows items={data.items} state={state} chosen={id} open={open} /> : <Nothing state={state} of={data} />)}
        </Shown>
        {suspects.data !== undefined && suspects.data.items.length > 0 && (
          <section className="part">
            <h2>Suspect</h2>
            <p className="soft">The worker that ran these died. They are tried apart from the others; the third death ends it.</p>
            <Rows items={suspects.data.items} state="suspect" chosen={id} open={open} />
          </section>
        )}
      </div>
      {id && <WaitingInspector key={id} topic={topic} id={id} of={all.find((item) => item.id === id)} close={() => open(null)} />}
    </div>
  )
}

const said = (page: Items<MessageSummary>): string => {
  const total = page.total?.value ?? page.items.length
  if (total > page.items.length) return `${count(page.items.length)} of about ${count(total)} messages`
  return `${count(total)} ${total === 1 ? 'message' : 'messages'}`
}

function Nothing({ state, of }: { state: WaitingState; of: Items<MessageSummary> }) {
  if (!of.total?.value) return <Empty title={NOTHING[state]} icon="ok" />
  return <Empty title="None among those that were looked at"><p>{count(of.total.value)} wait behind the 10,000 of all queues that are due first, or are gone by now.</p></Empty>
}

function Rows(props: { items: MessageSummary[]; state: WaitingState; chosen: string | null; open: (id: string) => void }) {
  const { state } = props
  return (
    <table className="table">
      <thead>
        <tr>
          <th style={{ width: '24%' }}>Message</th>
          <th className="fit handy">Step</th>
          <th className="number fit">{state === 'running' ? 'Attempt' : 'Attempts'}</th>
          <th>Payload</th>
          {state === 'running' && <th className="fit roomy">Worker</th>}
          {state === 'suspect' && <th className="number fit">Crashes</th>}
          <th className="fit">Trace</th>
          <th className="number fit">{state === 'running' ? 'Sent' : 'Waits since'}</th>
          <th className="number fit">Due</th>
        </tr>
      </thead>
      <tbody>
        {props.items.map((item) => (
          <tr key={item.id} data-row aria-selected={item.id === props.chosen}>
            <td><button type="button" className="cover text mono" onClick={() => props.open(item.id)}>{item.id.split(':')[0]}</button></td>
            <td className="fit soft handy">{item.step}</td>
            <td className="number fit">{item.attempt}{item.max !== null && <span className="mute">/{item.max}</span>}</td>
            <td className="mono soft">{item.preview ?? <span className="mute">{bytes(item.size)}</span>}</td>
            {state === 'running' && <td className="fit soft roomy">{item.worker}</td>}
            {state === 'suspect' && <td className="number fit tone-warn">{item.crashes}</td>}
            <td className="fit">{item.trace_id && <Link className="chip mono above" href={href(['traces', item.trace_id])}>{item.trace_id.slice(0, 6)}</Link>}</td>
            <td className="number fit mute"><Age at={item.at} /></td>
            <td className="number fit mute"><Age at={item.run_at} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** One of them from close by: what is known of it from the list, and cancelling it. */
function WaitingInspector({ topic, id, of, close }: { topic: string; id: string; of: MessageSummary | undefined; close: () => void }) {
  const [asking, setAsking] = useState(false)
  const canCancel = useCan('cancel')
  return (
    <Inspector title={<code>{id.split(':')[0]}</code>} label="Message" close={close}>
      {!of ? (
        <Empty title="It is not here any more"><p>It was taken by a worker, or is done, or was cancelled.</p></Empty>
      ) : (
        <>
          {canCancel && <div className="row actions"><button type="button" onClick={() => setAsking(true)}>Cancel message…</button></div>}
          {of.error && <ErrorBox error={of.error} />}
          <Section title="Payload">
            {of.preview === null ? <p className="mute">Not shown: {bytes(of.size)}</p> : <pre className="code preview">{of.preview}</pre>}
          </Section>
          <Section title="Message">
            <Facts
              of={[
                ['state', <Status key="s" value={of.state} />],
                ['step', of.step],
                ['attempts', of.max === null ? of.attempt : `${of.attempt} of ${of.max}`],
                ['crashes', of.crashes || null],
                ['last failure', of.reason],
                ['there since', moment(of.at)],
                ['due', of.run_at === null ? null : moment(of.run_at)],
                ['worker', of.worker],
                ['group', of.group],
                ['size', bytes(of.size)],
                ['trace', of.trace_id && <Link className="link mono" href={href(['traces', of.trace_id])}>{of.trace_id}</Link>],
              ]}
            />
          </Section>
        </>
      )}
      {asking && of && <Cancel topic={topic} of={of} close={() => setAsking(false)} />}
    </Inspector>
  )
}

function Cancel({ topic, of, close }: { topic: string; of: MessageSummary; close: () => void }) {
  const [error, setError] = useState<ApiError | null>(null)
  const cancel = async () => {
    try {
      const { done } = await post<Done>(join('queues', topic, 'cancel'), { ids: [of.id] })
      tell(done ? (of.state === 'running' ? 'Asked to stop' : 'Cancelled') : 'It was done already')
      close()
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
    refresh('queues')
  }
  return (
    <Dialog
      title="Cancel this message?"
      close={close}
      submit={() => void cancel()}
      foot={<><button type="button" onClick={close}>Keep it</button><button type="submit" className="danger">Cancel message</button></>}
    >
      <p>It is forgotten for every step that has not begun with it, and nothing keeps a copy. A step that runs is asked to stop.</p>
      {error && <Failure error={error} />}
    </Dialog>
  )
}
