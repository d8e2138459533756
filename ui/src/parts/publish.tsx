import { useState } from 'react'
import { Link } from 'wouter'
import { ApiError, at as join, post } from '../api'
import { href } from '../route'
import { problems, sample } from '../schema'
import { refresh, useResource } from '../store'
import type { Sent, StepDetail } from '../types'
import { Failure } from './answers'
import { Dialog } from './dialog'
import { JsonField, parse } from './json-field'

/** Send a message to a topic; its shape is taken from the step that takes it. */
export function Publish({ topic, steps, close }: { topic: string; steps: string[]; close: () => void }) {
  const step = useResource<StepDetail>(steps[0] ? join('steps', steps[0]) : null)
  const schema = step.data?.input_schema
  const [typed, setTyped] = useState<string | null>(null)
  const [delay, setDelay] = useState('')
  const [group, setGroup] = useState('')
  const [sent, setSent] = useState<Sent | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const text = typed ?? JSON.stringify(schema ? sample(schema) : {}, null, 2)
  const parsed = parse(text)
  const send = async () => {
    if (!parsed.ok) return
    setError(null)
    try {
      setSent(await post<Sent>(join('queues', topic, 'messages'), {
        data: parsed.value,
        ...(delay && { delay_ms: Number(delay) * 1_000 }),
        ...(group && { group }),
      }))
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
    refresh('queues')
  }
  return (
    <Dialog
      wide
      title={`Publish to ${topic}`}
      close={close}
      submit={() => void send()}
      foot={<><button type="button" onClick={close}>Close</button><button type="submit" className="primary" disabled={!parsed.ok}>Publish</button></>}
    >
      <JsonField label="Payload" text={text} change={setTyped} rows={12} notes={parsed.ok && schema ? problems(schema, parsed.value, undefined, 'payload') : []} />
      <div className="row">
        <label className="field"><span>Delay, seconds</span><input type="number" min="0" step="any" value={delay} onChange={(event) => setDelay(event.target.value)} /></label>
        <label className="field"><span>Group</span><input value={group} onChange={(event) => setGroup(event.target.value)} /></label>
      </div>
      {error && <Failure error={error} />}
      {sent && <p role="status">Sent as <code>{sent.message_id}</code>. <Link className="link" href={href(['traces', sent.trace_id])}>Open its trace</Link></p>}
    </Dialog>
  )
}
