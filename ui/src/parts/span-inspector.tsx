import { useState } from 'react'
import { Link } from 'wouter'
import { duration, moment } from '../format'
import { href } from '../route'
import { useCan } from '../session'
import { childrenOf } from '../rows'
import type { Failure, Span, TraceDetail } from '../types'
import { Code, Json, Copy } from './json'
import { Status } from './marks'
import { Facts, Inspector, Section } from './page'
import { RunAgain } from './run-again'
import { EventText } from './waterfall'

type Tab = 'input' | 'output' | 'attempts' | 'events' | 'facts'

/** A span from close by: the latest error first, then what went in and came out. */
export function SpanInspector({ span, trace, close, choose }: { span: Span; trace: TraceDetail; close: () => void; choose: (id: string) => void }) {
  const [tab, setTab] = useState<Tab>('input')
  const [again, setAgain] = useState(false)
  const canInvoke = useCan('invoke')
  const attempts = trace.spans.filter((item) => item.step === span.step && item.message_id && item.message_id === span.message_id)
  const events = trace.events.filter((event) => event.span === span.id)
  const tabs: [Tab, string, number?][] = [['input', 'Input'], ['output', 'Output'], ['attempts', 'Attempts', attempts.length], ['events', 'Events', events.length], ['facts', 'Details']]
  return (
    <Inspector
      title={span.step}
      label={`Span ${span.step}`}
      close={close}
      tools={<><Status value={span.status} />{canInvoke && span.kind !== 'virtual' && <button type="button" onClick={() => setAgain(true)}>Run again…</button>}</>}
      tabs={
        <div className="tabs" role="tablist" aria-label="Parts of the span">
          {tabs.filter(([, , many]) => many === undefined || many > 0).map(([name, word, many]) => (
            <button key={name} type="button" role="tab" aria-selected={name === tab} onClick={() => setTab(name)}>
              {word} {many !== undefined && <span className="count">{many}</span>}
            </button>
          ))}
        </div>
      }
    >
      {span.error && <ErrorBox error={span.error} />}
      {tab === 'input' && <Value value={span.input} none="No input was recorded." />}
      {tab === 'output' && <Value value={span.output} none={span.duration_us === null ? 'It has not ended yet.' : 'It returned nothing.'} />}
      {tab === 'attempts' && <Attempts of={attempts} here={span.id} choose={choose} />}
      {tab === 'events' && (
        <ul className="lines tight">
          {events.map((event, index) => (
            <li key={index}>
              <span className="wf-offset">+{duration(event.offset_us - span.offset_us)}</span>
              <div className="grow"><div className="row-line"><EventText event={event} /></div>{event.type !== 'log' && <Difference before={event.before} after={event.after} />}</div>
            </li>
          ))}
        </ul>
      )}
      {tab === 'facts' && <Details span={span} trace={trace} choose={choose} />}
      {again && <RunAgain trace={trace.trace.id} span={span} close={() => setAgain(false)} />}
    </Inspector>
  )
}

export function ErrorBox({ error }: { error: Failure }) {
  return (
    <div className="errorbox">
      <strong>{error.type}</strong>
      <p>{error.message}</p>
      {error.stack && (
        <details>
          <summary>Stack</summary>
          <Code text={error.stack} />
        </details>
      )}
    </div>
  )
}

function Value({ value, none }: { value: unknown; none: string }) {
  if (value === null || value === undefined) return <p className="mute">{none}</p>
  return (
    <div className="value">
      <Copy text={JSON.stringify(value, null, 2)} />
      <Json value={value} open={3} />
    </div>
  )
}

export function Difference({ before, after }: { before: unknown; after: unknown }) {
  if (before === undefined && after === undefined) return null
  return (
    <details className="difference">
      <summary className="mute">values</summary>
      {before !== undefined && before !== null && <div className="was"><Json value={before} open={1} /></div>}
      {after !== undefined && after !== null && <div className="is"><Json value={after} open={1} /></div>}
    </details>
  )
}

function Attempts({ of, here, choose }: { of: Span[]; here: string; choose: (id: string) => void }) {
  return (
    <ul className="lines tight">
      {[...of].reverse().map((span) => (
        <li key={span.id}>
          <button type="button" className="plain" disabled={span.id === here} onClick={() => choose(span.id)}>
            {span.attempt ?? '?'}{span.max_attempts ? `/${span.max_attempts}` : ''}
          </button>
          <Status value={span.status} />
          <span className="grow clip soft">{span.error?.message}</span>
          <span>{duration(span.duration_us)}</span>
        </li>
      ))}
    </ul>
  )
}

function Details({ span, trace, choose }: { span: Span; trace: TraceDetail; choose: (id: string) => void }) {
  const next = childrenOf(trace.spans).get(span.id) ?? []
  return (
    <>
      <Section title="Run">
        <Facts
          of={[
            ['trigger', span.name],
            ['began', moment(trace.trace.start + span.offset_us / 1_000)],
            ['duration', duration(span.duration_us)],
            ['waited', span.wait_us ? duration(span.wait_us) : null],
            ['topic', span.topic && <Link className="link" href={href(['queues', span.topic])}>{span.topic}</Link>],
            ['message', span.message_id && <code>{span.message_id}</code>],
            ['span', <code key="id">{span.id}</code>],
          ]}
        />
      </Section>
      {next.length > 0 && (
        <Section title="What followed">
          <ul className="lines tight">
            {next.map((item) => (
              <li key={item.id}>
                <button type="button" className="plain" onClick={() => choose(item.id)}>{item.step}</button>
                <span className="grow" />
                <Status value={item.status} />
              </li>
            ))}
          </ul>
        </Section>
      )}
      {span.attrs && Object.keys(span.attrs).length > 0 && <Section title="Attributes"><Json value={span.attrs} /></Section>}
    </>
  )
}
