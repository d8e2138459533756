import { useState } from 'react'
import { ApiError, at as join, post } from '../api'
import { href, useGo } from '../route'
import type { Sent, Span } from '../types'
import { Failure } from './answers'
import { Dialog } from './dialog'
import { JsonField, parse } from './json-field'
import { tell } from './toasts'

/** A run once more, with its input or another one: a trace of its own. */
export function RunAgain({ trace, span, close }: { trace: string; span: Span; close: () => void }) {
  const recorded = JSON.stringify(span.input ?? null, null, 2)
  const [text, setText] = useState(recorded)
  const [error, setError] = useState<ApiError | null>(null)
  const go = useGo()
  const parsed = parse(text)
  const send = async () => {
    if (!parsed.ok) return
    try {
      // As it was recorded, unless somebody changed it.
      const sent = await post<Sent>(join('traces', trace, 'rerun'), { span: span.id, ...(text !== recorded && { input: parsed.value }) })
      tell('Sent again, as a trace of its own')
      close()
      go(href(['traces', sent.trace_id]))
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
  }
  return (
    <Dialog
      wide
      title={`Run ${span.step} again`}
      close={close}
      submit={() => void send()}
      foot={<><button type="button" onClick={close}>Cancel</button><button type="submit" className="primary" disabled={!parsed.ok}>Run again</button></>}
    >
      <p className="soft">A worker runs this step with this input, and what follows from it runs too.</p>
      <JsonField label="Input" text={text} change={setText} rows={14} />
      {error && <Failure error={error} />}
    </Dialog>
  )
}
