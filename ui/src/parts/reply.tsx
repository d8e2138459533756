import { useState } from 'react'
import { Link } from 'wouter'
import { at as join, query } from '../api'
import { bytes, duration } from '../format'
import { href } from '../route'
import { rowsOf } from '../rows'
import { problems } from '../schema'
import { useSession } from '../session'
import { useResource } from '../store'
import type { Sending } from '../tester'
import type { Endpoint, Page, TraceDetail, TraceSummary } from '../types'
import { Empty } from './answers'
import { Segmented } from './controls'
import { Code, Json } from './json'
import { parse } from './json-field'
import { KindMark, Status } from './marks'
import { Facts } from './page'

/** What a request was answered with, or why it was not. */
export type Replied =
  | { ok: true; status: number; reason: string; headers: [string, string][]; text: string; size: number; tookUs: number; trace: string }
  | { ok: false; problem: string; trace: string }

const DEADLINE_MS = 60_000
const LIVE = ['span.upsert', 'trace.upsert']
const SHOWN = 200_000

/** Send it as the app's own pages would, with the session's cookies. */
export async function ask(made: Sending, trace: string): Promise<Replied> {
  const began = performance.now()
  try {
    const response = await fetch(new URL(made.url, location.origin), {
      method: made.method,
      headers: made.headers,
      body: made.body,
      redirect: 'follow',
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    const text = await response.text()
    return {
      ok: true,
      status: response.status,
      reason: response.statusText,
      headers: [...response.headers],
      text: text.slice(0, SHOWN),
      size: new Blob([text]).size,
      tookUs: (performance.now() - began) * 1_000,
      trace: response.headers.get('x-motia-trace-id') ?? trace,
    }
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError'
    return { ok: false, problem: late ? 'No answer within a minute.' : 'The app cannot be reached, or the browser refused to send this.', trace }
  }
}

export function Reply({ of, endpoint }: { of: Replied | null; endpoint: Endpoint }) {
  const [view, setView] = useState<'body' | 'headers'>('body')
  if (of === null) return <div className="tester-reply"><Empty title="Nothing sent yet" icon="send"><p>The answer, and what follows from it in queues and other steps, is shown here.</p></Empty></div>
  if (!of.ok) return <div className="tester-reply"><div className="failure" role="alert"><strong>{of.problem}</strong></div></div>
  const parsed = of.text ? parse(of.text) : null
  const schema = endpoint.responses[String(of.status)]
  const wrong = schema && parsed?.ok ? problems(schema, parsed.value) : null
  return (
    <div className="tester-reply">
      <div className="reply-line" role="status">
        <b className={of.status < 400 ? 'tone-ok' : 'tone-error'}>{of.status} {of.reason}</b>
        <span>{duration(of.tookUs)}</span>
        <span className="mute">{bytes(of.size)}</span>
        {wrong && (wrong.length ? <span className="tone-warn" title={wrong.join('\n')}>not as declared</span> : <span className="tone-ok">as declared ✓</span>)}
        <span className="grow" />
        <Segmented label="Answer" value={view} options={[['body', 'Body'], ['headers', 'Headers']]} choose={setView} />
      </div>
      {view === 'headers' ? <Facts of={of.headers.map(([name, value]) => [name, <code key={name}>{value}</code>])} /> : parsed?.ok ? <Json value={parsed.value} open={4} /> : of.text ? <Code text={of.text} /> : <p className="mute">No body.</p>}
      {of.text.length < of.size && of.text.length === SHOWN && <p className="mute">The rest is not shown.</p>}
      <Followed trace={of.trace} />
    </div>
  )
}

/** What happened: the trace, as it grows. */
function Followed({ trace }: { trace: string }) {
  const recorded = useSession().stores?.trace !== null
  // Asked for in the list first, where one that is not there yet is no error.
  const listed = useResource<Page<TraceSummary>>(recorded ? `traces${query({ q: trace, limit: 1 })}` : null, { on: LIVE, about: trace, every: 2_000 })
  const isThere = listed.data?.items.some((item) => item.id === trace)
  const found = useResource<TraceDetail>(isThere ? join('traces', trace) : null, { on: LIVE, about: trace, every: 2_000 })
  return (
    <section className="followed" aria-label="What happened">
      <div className="row">
        <h3 className="grow">What happened</h3>
        {found.data && <Status value={found.data.trace.status} />}
        <Link className="link" href={href(['traces', trace])}>Open the trace</Link>
      </div>
      {found.data ? (
        <ul className="lines tight">
          {rowsOf(found.data.spans, [], { logs: false, changes: false, debug: false }, new Set()).map((row) => (
            <li key={row.id} style={{ paddingLeft: `${row.depth * 16}px` }}>
              <KindMark kind={row.span.kind} size={12} />
              <span className="grow clip">{row.span.step}{row.span.attempt && row.span.attempt > 1 ? <span className="mute"> attempt {row.span.attempt}</span> : null}</span>
              <span className="mute">{duration(row.span.duration_us)}</span>
              <Status value={row.span.status} />
            </li>
          ))}
        </ul>
      ) : (
        <p className="mute">{(found.error ?? listed.error)?.message ?? (recorded ? 'Nothing recorded yet.' : 'Runs are not recorded, so what followed is not known.')}</p>
      )}
    </section>
  )
}
