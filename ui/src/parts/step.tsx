import { useState } from 'react'
import { Link } from 'wouter'
import { ApiError, at as join, post } from '../api'
import { duration } from '../format'
import { href } from '../route'
import { problems, sample } from '../schema'
import { useCan } from '../session'
import { useResource } from '../store'
import type { Sent, StepDetail, TraceSummary } from '../types'
import { Failure, Shown } from './answers'
import { Dialog } from './dialog'
import { JsonField, parse } from './json-field'
import { Code, Json } from './json'
import { Age, KindMark, Status } from './marks'
import { Facts, Inspector, Section } from './page'

interface Trigger {
  i: number
  type: string
  label: string
}

/** A step: what it declares, what it did of late, and its source. */
export function StepInspector({ name, close }: { name: string; close: () => void }) {
  const step = useResource<StepDetail>(join('steps', name), { on: ['trace.upsert', 'registry.changed'] })
  const [running, setRunning] = useState(false)
  const canInvoke = useCan('invoke')
  return (
    <Inspector title={name} label={`Step ${name}`} close={close} tools={canInvoke && step.data && <button type="button" onClick={() => setRunning(true)}>Run…</button>}>
      <Shown of={step} what="The step">{(data) => <Facets of={data} />}</Shown>
      {running && step.data && <Runner of={step.data} close={() => setRunning(false)} />}
    </Inspector>
  )
}

function Facets({ of }: { of: StepDetail }) {
  const triggers = (of.config.triggers as Trigger[] | undefined) ?? []
  const policy = of.policy
  return (
    <>
      {typeof of.config.description === 'string' && <p className="soft">{of.config.description}</p>}
      <Section title="Begins with">
        <ul className="lines tight">
          {triggers.map((trigger) => <li key={trigger.i}><KindMark kind={trigger.type} /><span className="mono clip">{trigger.label}</span></li>)}
          {!triggers.length && <li className="mute">Nothing: it is called by name.</li>}
        </ul>
      </Section>
      {of.emits.length > 0 && <Section title="Sends">{of.emits.map((topic) => <Link key={topic} className="chip mono" href={href(['queues', topic])}>{topic}</Link>)}</Section>}
      {of.recent.length > 0 && <Section title="Latest traces"><Recent of={of.recent} /></Section>}
      {policy && <Section title="Policy"><Facts of={[['retries', policy.retries], ['backoff', policy.backoff], ['timeout', `${policy.timeout} s`], ['order', policy.fifo ? 'by group' : null]]} /></Section>}
      {of.input_schema !== null && <Section title="Takes"><Json value={of.input_schema} open={1} /></Section>}
      {of.file && <Section title="Written in"><code>{of.file.path}{of.file.line ? `:${of.file.line}` : ''}</code></Section>}
      {of.source && <details className="step-source"><summary>Source</summary><Code text={of.source} /></details>}
    </>
  )
}

function Recent({ of }: { of: TraceSummary[] }) {
  return (
    <ul className="lines tight">
      {of.slice(0, 8).map((trace) => (
        <li key={trace.id}>
          <Status value={trace.status} />
          <Link className="grow clip" href={href(['traces', trace.id])}>{trace.name}</Link>
          <span>{duration(trace.duration_us)}</span>
          <span className="mute"><Age at={trace.start} /></span>
        </li>
      ))}
    </ul>
  )
}

/** Any step, whatever it begins with: a worker runs it with this input. */
function Runner({ of, close }: { of: StepDetail; close: () => void }) {
  const [text, setText] = useState(() => JSON.stringify(of.input_schema === null ? null : sample(of.input_schema), null, 2))
  const [sent, setSent] = useState<Sent | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const parsed = parse(text)
  const run = async () => {
    if (!parsed.ok) return
    setError(null)
    try {
      setSent(await post<Sent>(join('steps', of.name, 'invoke'), { input: parsed.value }))
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
  }
  return (
    <Dialog
      wide
      title={`Run ${of.name}`}
      close={close}
      submit={() => void run()}
      foot={<><button type="button" onClick={close}>Close</button><button type="submit" className="primary" disabled={!parsed.ok}>Run</button></>}
    >
      <p className="soft">A worker runs it as a message for this step alone, with its retries and its dead letters.</p>
      <JsonField label="Input" text={text} change={setText} rows={12} notes={parsed.ok && of.input_schema ? problems(of.input_schema, parsed.value, undefined, 'input') : []} />
      {error && <Failure error={error} />}
      {sent && <p role="status">Sent. <Link className="link" href={href(['traces', sent.trace_id])}>Open its trace</Link></p>}
    </Dialog>
  )
}
