import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { query } from '../api'
import { count, milliseconds, percent } from '../format'
import { Empty, Shown } from '../parts/answers'
import { Charts } from '../parts/chart'
import { Choice } from '../parts/controls'
import { Icon } from '../parts/icons'
import { Age, Method } from '../parts/marks'
import { Page } from '../parts/page'
import { TraceTable } from '../parts/trace-table'
import { href, useQuery } from '../route'
import { useSession } from '../session'
import { useResource } from '../store'
import type { Endpoint, Metrics, Overview, Page as Items, Problem, TraceSummary } from '../types'

const OVERVIEW = ['trace.upsert', 'queue.stats', 'message.upsert', 'schedule.upsert', 'registry.changed']
const TRACES = ['trace.upsert']
const RANGES = [['5m', 'Last 5 min'], ['15m', 'Last 15 min'], ['1h', 'Last hour'], ['6h', 'Last 6 hours'], ['24h', 'Last day'], ['7d', 'Last week']] as const

export function OverviewPage() {
  const [params, change] = useQuery()
  const range = params.get('range') ?? '1h'
  const overview = useResource<Overview>(`overview${query({ range })}`, { on: OVERVIEW, every: 5_000 })
  const metrics = useResource<Metrics>(`metrics${query({ range })}`, { on: TRACES, every: 10_000 })
  const traces = useResource<Items<TraceSummary>>('traces?limit=8&hide=cron', { on: TRACES })
  return (
    <Page
      title="Overview"
      padded
      tools={<Choice label="Counted over" value={range} options={RANGES} choose={(next) => change({ range: next === '1h' ? null : next })} />}
    >
      <Shown of={overview} what="The overview">
        {(data) => (
          <div className="overview">
            <Figures of={data} />
            {metrics.data !== undefined && metrics.data.points.length > 0 && (
              <section className="card" aria-label="Over time"><Charts of={metrics.data} /></section>
            )}
            {data.problems.length > 0 && <Problems of={data.problems} />}
            {data.failures.length > 0 && <Failures of={data.failures} />}
          </div>
        )}
      </Shown>
      <section className="card latest">
        <header>
          <h2>Latest traces</h2>
          <span className="grow" />
          <Link href="/traces" className="link">All traces</Link>
        </header>
        <Shown of={traces} what="The latest traces">
          {(data) => (data.items.length ? <TraceTable items={data.items} /> : <NoRuns />)}
        </Shown>
      </section>
    </Page>
  )
}

function Figures({ of }: { of: Overview }) {
  const { totals } = of
  const range = totals?.range ? `last ${totals.range}` : ''
  return (
    <div className="figures">
      {totals && <Figure name="Runs" value={count(totals.runs)} note={range} to="/traces" />}
      {totals && (
        <Figure
          name="Failed"
          value={percent(totals.errors, totals.runs)}
          note={!totals.errors ? '' : `${count(totals.errors)} ${totals.errors === 1 ? 'attempt' : 'attempts'}`}
          tone={totals.errors ? 'warn' : undefined}
          to={href(['traces'], { status: 'error' })}
        />
      )}
      {totals && <Figure name="p95" value={milliseconds(totals.p95_ms)} note="of a run" />}
      <Figure name="Ready" value={count(of.ready)} note={of.oldest_ready_ms === null ? '' : `oldest waits ${milliseconds(of.oldest_ready_ms)}`} to="/queues" />
      <Figure name="Dead letters" value={count(of.dead)} tone={of.dead ? 'error' : undefined} note={of.dead ? 'need a decision' : ''} to="/queues" />
      <Figure name="Late schedules" value={count(of.late_schedules)} tone={of.late_schedules ? 'warn' : undefined} to="/schedules" />
    </div>
  )
}

function Figure(props: { name: string; value: string; note?: string; tone?: string; to?: string }) {
  const inside: ReactNode = (
    <>
      <span className="figure-name">{props.name}</span>
      <span className={`figure-value ${props.tone ? `tone-${props.tone}` : ''}`}>
        {props.tone && <Icon name="warn" />}
        {props.value}
      </span>
      <span className="figure-note">{props.note}</span>
    </>
  )
  return props.to ? <Link href={props.to} className="figure">{inside}</Link> : <div className="figure">{inside}</div>
}

function Problems({ of }: { of: Problem[] }) {
  return (
    <section className="card">
      <header>
        <Icon name="warn" />
        <h2>Worth a look <span className="mute">before it is run</span></h2>
      </header>
      <ul className="lines">
        {of.map((problem) => (
          <li key={`${problem.code} ${problem.detail}`}>
            <span className="chip chip-warn">{problem.code}</span>
            <span className="grow">{problem.detail}</span>
            {problem.file && (
              <code className="mute clip">
                {problem.file.path}
                {problem.file.line ? `:${problem.file.line}` : ''}
              </code>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Failures({ of }: { of: Overview['failures'] }) {
  return (
    <section className="card">
      <header>
        <h2>Failures <span className="mute">alike ones together</span></h2>
      </header>
      <ul className="lines">
        {of.map((failure) => (
          <li key={failure.fingerprint}>
            <span className="chip chip-error">{count(failure.count)} ×</span>
            <Link href={href(['traces', failure.last.trace_id])} className="grow clip">
              <strong>{failure.type}</strong> <span className="soft">{failure.message}</span>
            </Link>
            <span className="mute nowrap">
              <Age at={failure.last.at} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Nothing has run yet: how to make something run. */
export function NoRuns() {
  const { stores } = useSession()
  return stores?.trace === null ? <NotRecorded /> : <NothingRan />
}

/** Nothing is known of what ran, which is another thing than that nothing ran. */
export function NotRecorded() {
  return (
    <Empty title="Runs are not recorded" icon="traces">
      <p>
        Start the app with <code>MOTIA_TRACES=true</code>, or in development, to see its traces and logs here.
      </p>
    </Empty>
  )
}

function NothingRan() {
  const endpoints = useResource<Items<Endpoint> | Endpoint[]>('endpoints')
  const all = !endpoints.data ? [] : Array.isArray(endpoints.data) ? endpoints.data : endpoints.data.items
  const first = all.find((item) => item.method === 'POST') ?? all[0]
  return (
    <Empty title="No runs yet" icon="traces">
      {first ? (
        <>
          <p>
            Send <Method name={first.method} /> <code>{first.path}</code> and watch what follows.
          </p>
          <Link href={href(['endpoints', first.id])} className="button">
            Open its tester
          </Link>
        </>
      ) : (
        <p>As soon as a request, a message or a schedule runs a step, it is shown here.</p>
      )}
    </Empty>
  )
}
