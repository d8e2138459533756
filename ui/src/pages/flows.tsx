import { lazy, Suspense, useMemo } from 'react'
import { Link } from 'wouter'
import { at as join, query } from '../api'
import { count, milliseconds, percent } from '../format'
import { Empty, Shown } from '../parts/answers'
import { Choice, Segmented } from '../parts/controls'
import { Code } from '../parts/json'
import { KindMark, Status } from '../parts/marks'
import { Page } from '../parts/page'
import { StepInspector } from '../parts/step'
import { tell } from '../parts/toasts'
import { labelOf, mermaid, overlay, type Overlay } from '../graph'
import { href, useGo, useQuery } from '../route'
import { useResource } from '../store'
import type { FlowGraph, FlowNode, FlowSummary, Page as Items, TraceDetail } from '../types'
import { itemsOf } from './queues'

const Diagram = lazy(() => import('./diagram'))
const LIVE = ['trace.upsert', 'registry.changed']
const RANGES = [['15m', 'Last 15 min'], ['1h', 'Last hour'], ['24h', 'Last day'], ['7d', 'Last week']] as const

export function FlowsPage({ flow }: { flow: string | null }) {
  const flows = useResource<Items<FlowSummary> | FlowSummary[]>('flows', { on: ['registry.changed'], every: 10_000 })
  if (flow !== null) return <FlowPage key={flow} flow={flow} flows={itemsOf(flows.data)} />
  return (
    <Page title="Flows">
      <Shown of={flows} what="Flows">{(data) => <List items={itemsOf(data)} />}</Shown>
    </Page>
  )
}

function List({ items }: { items: FlowSummary[] }) {
  if (!items.length) return <Empty title="No flows" icon="flows"><p>A step belongs to a flow by its name.</p><Code text={'@step(triggers=[…], flows=["orders"])'} /></Empty>
  return (
    <table className="table">
      <thead>
        <tr><th>Flow</th><th className="number fit">Steps</th><th className="number fit">Connections</th><th className="number fit">Runs, last hour</th><th className="number fit">Failed</th></tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id} data-row>
            <td><Link className="cover" href={href(['flows', item.id])}>{item.id}</Link></td>
            <td className="number fit">{item.steps}</td>
            <td className="number fit">{item.edges}</td>
            <td className="number fit">{count(item.runs_1h)}</td>
            <td className="number fit">{item.errors_1h ? <span className="tone-error">{count(item.errors_1h)}</span> : count(item.errors_1h)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function FlowPage({ flow, flows }: { flow: string; flows: FlowSummary[] }) {
  const [params, change] = useQuery()
  const go = useGo()
  const range = params.get('range') ?? '1h'
  const trace = params.get('trace')
  const graph = useResource<FlowGraph>(`${join('flows', flow)}${query({ range })}`, { on: LIVE, every: 10_000 })
  const run = useResource<TraceDetail>(trace ? join('traces', trace) : null, { on: ['span.upsert'], about: trace ?? undefined })
  const path = useMemo(() => (run.data ? overlay(run.data.spans) : null), [run.data])
  const view = params.get('view') === 'list' ? 'list' : 'diagram'
  const step = params.get('step')
  const copy = async () => {
    if (!graph.data) return
    try {
      await navigator.clipboard.writeText(mermaid(graph.data))
      tell('Copied as Mermaid')
    } catch {
      tell('The browser refused to copy', 'error')
    }
  }
  return (
    <Page
      title={flow}
      heading={
        <>
          <Link href="/flows">Flows</Link><span className="mute">›</span>
          <Choice label="Flow" value={flow} options={[flow, ...flows.map((item) => item.id).filter((id) => id !== flow)].map((id) => [id, id] as const)} choose={(id) => go(href(['flows', id]))} />
        </>
      }
      tools={
        <>
          <Segmented label="View" value={view} options={[['diagram', 'Diagram'], ['list', 'List']]} choose={(next) => change({ view: next === 'list' ? 'list' : null })} />
          <Choice label="Counted over" value={range} options={RANGES} choose={(next) => change({ range: next === '1h' ? null : next })} />
          {trace && (
            <button type="button" className="chip" title="Show every step alike again" onClick={() => change({ trace: null })}>
              trace <span className="mono">{trace.slice(0, 6)}</span> {run.data && <Status value={run.data.trace.status} />} ×
            </button>
          )}
          {trace && run.error && <span className="bad">The trace: {run.error.message}</span>}
          <span className="spacer" />
          <button type="button" onClick={() => void copy()}>Copy Mermaid</button>
        </>
      }
      side={step && <StepInspector key={step} name={step} close={() => change({ step: null })} />}
    >
      <Shown of={graph} what="The flow">
        {(data) =>
          view === 'list' ? (
            <StepList of={data} path={path} chosen={step} />
          ) : (
            <Suspense fallback={<div className="waiting" role="status" aria-label="Loading"><i /><i /><i /></div>}>
              <Diagram of={data} path={path} chosen={step} choose={(next) => change({ step: next })} />
            </Suspense>
          )
        }
      </Shown>
    </Page>
  )
}

const isStep = (node: FlowNode): boolean => node.kind === 'step' || node.kind === 'virtual'

/** The diagram's twin: the same facts as a table. */
function StepList({ of, path, chosen }: { of: FlowGraph; path: Overlay | null; chosen: string | null }) {
  const [, change] = useQuery()
  const names = new Map(of.nodes.map((node) => [node.id, node.name]))
  const said = (node: FlowNode, isSeen: boolean) =>
    of.edges
      .filter((edge) => edge.source === node.id && (edge.kind === 'observed') === isSeen)
      .map((edge) => <div key={edge.id}>{`${isSeen ? labelOf(edge) : edge.label} → ${names.get(edge.target) ?? edge.target}`}</div>)
  const isRecorded = of.edges.some((edge) => edge.kind !== 'virtual' && (edge.count ?? null) !== null)
  return (
    <table className="table">
      <thead>
        <tr><th style={{ width: '22%' }}>Step</th><th>Triggers</th><th>Sends to</th>{isRecorded && <th>Seen in traces</th>}<th className="number fit">Runs</th><th className="number fit">Failed</th><th className="number fit">p95</th>{path && <th className="fit">In the trace</th>}</tr>
      </thead>
      <tbody>
        {of.nodes.map((node) => (
          <tr key={node.id} data-row aria-selected={node.name === chosen}>
            <td>{isStep(node) ? <button type="button" className="cover text" onClick={() => change({ step: node.name })}>{node.name}</button> : <span className="soft"><KindMark kind={node.kind} size={12} /> {node.name}</span>}{node.problems.length > 0 && <span className="tone-warn" title={node.problems.map((one) => one.detail).join('\n')}> ⚠</span>}</td>
            <td className="several">{node.triggers.map((trigger) => <span key={trigger.i} className="row-inline"><KindMark kind={trigger.type} size={12} /> {trigger.label} </span>)}</td>
            <td className="soft several">{said(node, false)}</td>
            {isRecorded && <td className="soft several">{said(node, true)}</td>}
            <td className="number fit">{count(node.stats?.n)}</td>
            <td className="number fit">{percent(node.stats?.err, node.stats?.n)}</td>
            <td className="number fit">{milliseconds(node.stats?.p95_ms)}</td>
            {path && <td className="fit">{path.get(node.name) && <Status value={path.get(node.name)?.status ?? ''} />}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
