import { useState } from 'react'
import { Link } from 'wouter'
import { at as join, post, query } from '../api'
import { count, milliseconds } from '../format'
import { Empty, Shown } from '../parts/answers'
import { Deed } from '../parts/controls'
import { DeadLetters } from '../parts/dead-letters'
import { Icon } from '../parts/icons'
import { KindMark, Status } from '../parts/marks'
import { Facts, Page, Section } from '../parts/page'
import { Publish } from '../parts/publish'
import { tell } from '../parts/toasts'
import { Waiting } from '../parts/waiting'
import { href, useQuery } from '../route'
import { useCan } from '../session'
import { refresh, useResource } from '../store'
import type { Depth, Page as Items, Policy, QueueSummary } from '../types'

const LIVE = ['queue.stats', 'message.upsert', 'registry.changed']
const EVERY = 3_000

export function itemsOf<T>(data: Items<T> | T[] | undefined): T[] {
  if (!data) return []
  return Array.isArray(data) ? data : data.items
}

export function QueuesPage({ topic }: { topic: string | null }) {
  const queues = useResource<Items<QueueSummary> | QueueSummary[]>('queues', { on: LIVE, every: EVERY })
  return topic === null ? (
    <Page title="Queues">
      <Shown of={queues} what="Queues">{(data) => <QueueTable items={itemsOf(data)} />}</Shown>
    </Page>
  ) : (
    <QueuePage topic={topic} of={itemsOf(queues.data).find((item) => item.topic === topic)} queues={queues} />
  )
}

function QueueTable({ items }: { items: QueueSummary[] }) {
  if (!items.length) {
    return (
      <Empty title="No queues" icon="queues">
        <p>A topic appears as soon as a step has a <code>queue(…)</code> trigger.</p>
      </Empty>
    )
  }
  const hasAge = items.some((queue) => queue.oldest_ready_ms !== null)
  return (
    <table className="table">
      <thead>
        <tr>
          <th className="fit"><span className="hidden-text">Kind</span></th>
          <th style={{ width: '30%' }}>Topic</th>
          <th>Consumers</th>
          <th className="number fit">Ready</th>
          <th className="number fit">Delayed</th>
          <th className="number fit">Running</th>
          <th className="number fit">Dead</th>
          {hasAge && <th className="number fit">Oldest waits</th>}
          <th className="fit">State</th>
        </tr>
      </thead>
      <tbody>
        {[...items].sort((a, b) => b.depth.dead - a.depth.dead || a.topic.localeCompare(b.topic)).map((queue) => (
          <tr key={queue.topic} data-row>
            <td className="fit"><KindMark kind={queue.kind === 'direct' ? 'queue' : queue.kind} /></td>
            <td><Link className="cover" href={href(['queues', queue.topic])}>{queue.topic}</Link></td>
            <td className="soft">{queue.consumers.map((one) => one.step).join(', ') || <span className="tone-warn">no consumer</span>}</td>
            <Numbers of={queue.depth} />
            {hasAge && <td className="number fit soft">{queue.oldest_ready_ms === null ? '' : milliseconds(queue.oldest_ready_ms)}</td>}
            <td className="fit">{queue.paused ? <Status value="paused" /> : queue.depth.blocked ? <Status value="blocked" word={`${count(queue.depth.blocked)} blocked`} /> : <span className="mute">open</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Numbers({ of }: { of: Depth }) {
  const cell = (value: number) => (value ? count(value) : <span className="mute">0</span>)
  return (
    <>
      <td className="number fit">{cell(of.ready)}</td>
      <td className="number fit">{cell(of.delayed)}</td>
      <td className="number fit">{cell(of.running)}</td>
      <td className="number fit">{of.dead ? <span className="tone-error"><b>{count(of.dead)}</b></span> : <span className="mute">0</span>}</td>
    </>
  )
}

function QueuePage({ topic, of, queues }: { topic: string; of: QueueSummary | undefined; queues: ReturnType<typeof useResource<Items<QueueSummary> | QueueSummary[]>> }) {
  const [publishing, setPublishing] = useState(false)
  const canPause = useCan('pause')
  const canPublish = useCan('publish')
  const toggle = async () => {
    const verb = of?.paused ? 'resume' : 'pause'
    try {
      await post(join('queues', topic, verb))
      tell(of?.paused ? 'Resumed' : 'Paused: running messages end, no new ones begin')
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), 'error')
    }
    refresh('queues')
  }
  return (
    <Page
      title={topic}
      heading={<><Link href="/queues">Queues</Link><span className="mute">›</span>{of && <KindMark kind={of.kind === 'direct' ? 'queue' : of.kind} />}<span className="clip">{topic}</span></>}
      tools={
        <>
          {of && <Depths of={of} />}
          <span className="spacer" />
          {canPause && of && <Deed act={toggle}><Icon name={of.paused ? 'play' : 'pause'} size={13} />{of.paused ? 'Resume' : 'Pause'}</Deed>}
          {canPublish && of?.kind === 'queue' && <button type="button" onClick={() => setPublishing(true)}><Icon name="send" size={13} />Publish…</button>}
        </>
      }
    >
      {publishing && <Publish topic={topic} steps={of?.consumers.map((one) => one.step) ?? []} close={() => setPublishing(false)} />}
      <Shown of={queues} what="The queue">
        {() => (of ? <QueueTabs key={topic} topic={topic} of={of} /> : <Empty title="There is no such queue" icon="queues"><Link href="/queues" className="button">All queues</Link></Empty>)}
      </Shown>
    </Page>
  )
}

function Depths({ of }: { of: QueueSummary }) {
  const parts: [string, number][] = [['ready', of.depth.ready], ['delayed', of.depth.delayed], ['running', of.depth.running]]
  return (
    <span className="row soft">
      {of.paused && <Status value="paused" />}
      {parts.map(([word, value]) => <span key={word} className="chip"><b>{count(value)}</b> {word}</span>)}
      <span className={of.depth.dead ? 'chip chip-error' : 'chip'}><b>{count(of.depth.dead)}</b> dead</span>
      {of.depth.blocked > 0 && <span className="chip" title="Behind a dead letter of their group"><b>{count(of.depth.blocked)}</b> blocked</span>}
      {of.oldest_ready_ms !== null && <span className="mute">oldest waits {milliseconds(of.oldest_ready_ms)}</span>}
    </span>
  )
}

function QueueTabs({ topic, of }: { topic: string; of: QueueSummary }) {
  const [params] = useQuery()
  const [first] = useState(of.depth.dead ? 'dead' : 'consumers') // where one began, one stays, whatever becomes of the count
  const tab = params.get('tab') ?? first
  const tabs: [string, string, number][] = [['ready', 'Ready', of.depth.ready], ['delayed', 'Delayed', of.depth.delayed], ['running', 'Running', of.depth.running], ['dead', 'Dead letters', of.depth.dead], ['consumers', 'Consumers', of.consumers.length]]
  return (
    <div className="tabbed">
      <nav className="tabs" aria-label="Parts of the queue">
        {tabs.map(([name, word, value]) => <Link key={name} href={href(['queues', topic], { tab: name })} aria-current={tab === name ? 'page' : undefined}>{word} <span className="count">{count(value)}</span></Link>)}
      </nav>
      {tab === 'dead' ? <DeadLetters topic={topic} dead={of.depth.dead} /> : tab === 'ready' || tab === 'delayed' || tab === 'running' ? <Waiting key={tab} topic={topic} state={tab} /> : <Consumers of={of} />}
    </div>
  )
}

function policyOf(policy: Policy | null): [string, React.ReactNode][] {
  if (!policy) return [['policy', 'not known: no step of this app has it any more']]
  return [
    ['retries', policy.retries],
    ['backoff', policy.backoff],
    ['timeout', `${policy.timeout} s`],
    ['order', policy.fifo ? 'first in, first out, by group' : null],
    ['dead letters', policy.on_dead === 'block' ? 'hold their group back' : null],
    ['delay', policy.delay_s ? `${policy.delay_s} s` : null],
  ]
}

function Consumers({ of }: { of: QueueSummary }) {
  if (!of.consumers.length) return <Empty title="Nobody takes from this topic" icon="warn"><p>Messages wait for a step with <code>queue({JSON.stringify(of.topic)})</code>.</p></Empty>
  return (
    <div className="cards">
      {of.consumers.map((one) => (
        <div key={one.subscription} className="card">
          <header>
            <h2 className="clip grow">{one.step}</h2>
            {one.paused && <Status value="paused" />}
            <Link className="link" href={`/traces${query({ step: one.step })}`}>Traces</Link>
          </header>
          <div className="card-body">
            <Section title="Now">
              <Facts of={[['ready', count(one.depth.ready)], ['delayed', count(one.depth.delayed)], ['running', count(one.depth.running)], ['dead', count(one.depth.dead)], ['blocked', one.depth.blocked ? count(one.depth.blocked) : null], ['at once', one.concurrency]]} />
            </Section>
            <Section title="Policy"><Facts of={policyOf(one.policy)} /></Section>
          </div>
        </div>
      ))}
    </div>
  )
}
