import { useState } from 'react'
import { Link } from 'wouter'
import { ApiError, at as join, post } from '../api'
import { bytes, moment } from '../format'
import { href } from '../route'
import { useCan } from '../session'
import { refresh, useResource } from '../store'
import type { Done, MessageDetail } from '../types'
import { Failure, Shown } from './answers'
import { Bulk, type Verb } from './bulk'
import { Dialog } from './dialog'
import { JsonField, parse } from './json-field'
import { Copy, Json } from './json'
import { Facts, Inspector, Section } from './page'
import { ErrorBox } from './span-inspector'
import { tell } from './toasts'

/** A dead letter from close by: why it died first, then what it carried. */
export function MessageInspector({ topic, id, close }: { topic: string; id: string; close: () => void }) {
  const message = useResource<MessageDetail>(join('queues', topic, 'messages', id), { on: ['message.upsert'] })
  const [verb, setVerb] = useState<Verb | 'edit' | null>(null)
  const [canRedrive, canDiscard] = [useCan('redrive'), useCan('discard')]
  const ended = (isDone: boolean) => {
    setVerb(null)
    if (isDone) close()
  }
  return (
    <Inspector title={<code>{id}</code>} label="Dead letter" close={close}>
      <Shown of={message} what="The message">
        {(data) => (
          <>
            <div className="row actions">
              {canRedrive && <button type="button" className="primary" onClick={() => setVerb('redrive')}>Redrive…</button>}
              {canRedrive && data.editable && <button type="button" onClick={() => setVerb('edit')}>Edit and redrive…</button>}
              {canDiscard && <button type="button" onClick={() => setVerb('discard')}>Discard…</button>}
            </div>
            {data.error && <ErrorBox error={data.error} />}
            <Section title="Payload">
              <div className="value"><Copy text={JSON.stringify(data.payload, null, 2)} /><Json value={data.payload} open={3} /></div>
            </Section>
            <Section title="Message">
              <Facts
                of={[
                  ['step', data.step],
                  ['attempts', data.max === null ? data.attempt : `${data.attempt} of ${data.max}`],
                  ['crashes', data.crashes || null],
                  ['reason', data.reason],
                  ['died', moment(data.at)],
                  ['group', data.group],
                  ['size', bytes(data.size)],
                  ['trace', data.trace_id && <Link className="link mono" href={href(['traces', data.trace_id])}>{data.trace_id}</Link>],
                ]}
              />
            </Section>
            {verb === 'edit' && <EditAndRedrive topic={topic} message={data} close={ended} />}
          </>
        )}
      </Shown>
      {(verb === 'redrive' || verb === 'discard') && <Bulk verb={verb} topic={topic} ids={[id]} filter={{ error: null, q: null }} count={1} close={ended} />}
    </Inspector>
  )
}

function EditAndRedrive({ topic, message, close }: { topic: string; message: MessageDetail; close: (isDone: boolean) => void }) {
  const [text, setText] = useState(() => JSON.stringify(message.payload, null, 2))
  const [error, setError] = useState<ApiError | null>(null)
  const parsed = parse(text)
  const send = async () => {
    if (!parsed.ok) return
    try {
      await post<Done>(join('queues', topic, 'redrive'), { ids: [message.id], edit: parsed.value })
      tell('Sent again with the payload as edited')
      close(true)
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
    refresh('queues')
  }
  return (
    <Dialog
      wide
      title={`Edit and redrive to ${message.step}`}
      close={() => close(false)}
      submit={() => void send()}
      foot={<><button type="button" onClick={() => close(false)}>Cancel</button><button type="submit" className="primary" disabled={!parsed.ok}>Redrive as edited</button></>}
    >
      <JsonField label="Payload" text={text} change={setText} rows={14} />
      {error && <Failure error={error} />}
    </Dialog>
  )
}
