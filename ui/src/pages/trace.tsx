import { useEffect, useMemo, useState } from 'react'
import { Link } from 'wouter'
import { address, at as join, post } from '../api'
import { duration, moment } from '../format'
import { isTyping, keysAreOn } from '../keys'
import { Empty, Shown } from '../parts/answers'
import { Deed, Segmented } from '../parts/controls'
import { Copy } from '../parts/json'
import { Age, KindMark, Status } from '../parts/marks'
import { Page } from '../parts/page'
import { SpanInspector } from '../parts/span-inspector'
import { save } from '../save'
import { tell } from '../parts/toasts'
import { Waterfall } from '../parts/waterfall'
import { href, useGo, useQuery } from '../route'
import { rowsOf, type Shown as What } from '../rows'
import { useCan, useSession } from '../session'
import { useResource, type Resource } from '../store'
import type { Page as Items, TraceDetail, TraceSummary } from '../types'

const LIVE = ['trace.upsert', 'span.upsert', 'event.append', 'log.append']

export function TracePage({ id }: { id: string }) {
  const trace = useResource<TraceDetail>(join('traces', id), { on: LIVE, about: id })
  const [params, change] = useQuery()
  const chosen = params.get('span')
  const days = useSession().retention?.days
  useNeighbours(id)
  const span = trace.data?.spans.find((item) => item.id === chosen)
  return (
    <Page
      title={trace.data?.trace.name ?? 'Trace'}
      heading={<Heading of={trace} id={id} />}
      tools={trace.data && <Tools of={trace.data} />}
      side={span && trace.data && <SpanInspector key={span.id} span={span} trace={trace.data} close={() => change({ span: null })} choose={(next) => change({ span: next })} />}
    >
      {trace.error?.status === 404 ? (
        <Empty title="There is no such trace" icon="traces">
          <p>It may have expired{days ? ` (kept for ${days} days)` : ''}, or be written at this moment. <button type="button" onClick={trace.reload}>Look again</button></p>
        </Empty>
      ) : (
        <Shown of={trace} what="The trace">{(data) => <Detail of={data} chosen={chosen} choose={(next) => change({ span: next })} />}</Shown>
      )}
    </Page>
  )
}

function Heading({ of, id }: { of: Resource<TraceDetail>; id: string }) {
  const trace = of.data?.trace
  return (
    <>
      <Link href="/traces">Traces</Link>
      <span className="mute">›</span>
      {trace ? <><KindMark kind={trace.trigger} /> <span className="clip">{trace.name}</span></> : <code>{id}</code>}
    </>
  )
}

function Tools({ of }: { of: TraceDetail }) {
  const { trace } = of
  const canInvoke = useCan('invoke')
  const go = useGo()
  const rerun = async () => {
    try {
      const sent = await post<{ trace_id: string }>(join('traces', trace.id, 'rerun'))
      tell('Sent again, as a trace of its own')
      go(href(['traces', sent.trace_id]))
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), 'error')
    }
  }
  return (
    <>
      <Status value={trace.status} word={trace.status === 'recovered' ? `recovered after ${trace.retries} ${trace.retries === 1 ? 'retry' : 'retries'}` : undefined} />
      <span className="spacer" />
      {canInvoke && <Deed act={rerun} title="The first step again, with the same input">Rerun</Deed>}
      {trace.flow[0] && <Link href={href(['flows', trace.flow[0]], { trace: trace.id })} className="button">In the flow</Link>}
      <Link href={href(['logs'], { trace: trace.id })} className="button">Logs</Link>
      <a href={address(`${join('traces', trace.id)}/otlp`).href} download className="button" title="For other tools that read OpenTelemetry">OTLP</a>
      <button type="button" onClick={() => save(`${trace.id}.json`, JSON.stringify(of, null, 2))}>Download</button>
    </>
  )
}

function Detail({ of, chosen, choose }: { of: TraceDetail; chosen: string | null; choose: (span: string) => void }) {
  const [shown, setShown] = useState<What>({ logs: true, changes: true, debug: false })
  const [fold, setFold] = useState(true)
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set())
  const rows = useMemo(() => rowsOf(of.spans, of.events, shown, closed), [of, shown, closed])
  const toggle = (id: string) => {
    const next = new Set(closed)
    if (!next.delete(id)) next.add(id)
    setClosed(next)
  }
  const { trace } = of
  const flip = (name: keyof What) => (event: React.ChangeEvent<HTMLInputElement>) => setShown({ ...shown, [name]: event.target.checked })
  return (
    <>
      <div className="trace-bar">
        <code className="mute">{trace.id}</code><Copy text={trace.id} what="Copy the trace id" />
        <span title={moment(trace.start)}><Age at={trace.start} /></span>
        <span><b>{duration(trace.duration_us)}</b>{trace.busy_us !== null && <span className="mute"> · busy {duration(trace.busy_us)}</span>}</span>
        <span className="spacer grow" />
        <label className="check"><input type="checkbox" checked={shown.logs} onChange={flip('logs')} /> Logs</label>
        <label className="check"><input type="checkbox" checked={shown.changes} onChange={flip('changes')} /> Changes</label>
        <label className="check"><input type="checkbox" checked={shown.debug} onChange={flip('debug')} /> Debug</label>
        <Segmented label="Scale" value={fold ? 'fold' : 'linear'} options={[['fold', 'Fold waits'], ['linear', 'Linear']]} choose={(value) => setFold(value === 'fold')} />
      </div>
      {of.truncated && <div className="old" role="note">This trace is longer than what is kept: its end is missing here.</div>}
      <Waterfall rows={rows} spans={of.spans} trace={trace} fold={fold} chosen={chosen} choose={choose} toggle={toggle} />
    </>
  )
}

/** `[` and `]` to the traces before and after, as the list has them. */
function useNeighbours(id: string): void {
  const traces = useResource<Items<TraceSummary>>('traces?limit=50&hide=cron')
  const go = useGo()
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.key !== '[' && event.key !== ']') || isTyping(event.target) || !keysAreOn()) return
      const items = traces.data?.items ?? []
      const here = items.findIndex((item) => item.id === id)
      const next = here < 0 ? undefined : items[here + (event.key === '[' ? -1 : 1)]
      if (next) go(href(['traces', next.id]))
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  })
}
