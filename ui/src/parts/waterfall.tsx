import { useMemo, useState } from 'react'
import { useNow } from '../clock'
import { scaleOf, type Scale } from '../fold'
import { duration, oneLine, plain } from '../format'
import { endOf, type Row } from '../rows'
import type { Span, TraceEvent, TraceSummary } from '../types'
import { Icon } from './icons'
import { KindMark, Level, Status, toneOf } from './marks'

/** Lines that are drawn at once; a trace may have thousands. */
const DRAWN = 600

interface Props {
  rows: Row[]
  spans: Span[]
  trace: TraceSummary
  fold: boolean
  chosen: string | null
  choose: (span: string) => void
  toggle: (span: string) => void
}

/** Spans over time, with what happened in each. A tree of rows, readable without the bars: every duration is text. */
export function Waterfall(props: Props) {
  const clock = useNow()
  const [limit, setLimit] = useState(DRAWN)
  const runs = props.spans.some((span) => span.duration_us === null)
  const now = runs ? Math.max(0, clock - props.trace.start) * 1_000 : 0
  const scale = useMemo(() => {
    const busy = props.spans.map((span) => ({ from: span.offset_us, to: endOf(span, now) }))
    return scaleOf(busy, props.trace.duration_us ?? 0, props.fold)
  }, [props.spans, props.trace, props.fold, now])
  const left = props.rows.length - limit
  return (
    <>
      <table className="waterfall" role="treegrid" aria-label="Waterfall">
        <thead>
          <tr>
            <th className="wf-what">Step</th>
            <th className="wf-status">Status</th>
            <th className="wf-time number">Duration</th>
            <th className="wf-axis"><span className="hidden-text">Time</span><Axis scale={scale} /></th>
          </tr>
        </thead>
        <tbody>
          {props.rows.slice(0, limit).map((row) =>
            row.type === 'span' ? (
              <SpanRow key={row.id} row={row} scale={scale} now={now} {...props} />
            ) : (
              <EventRow key={row.id} row={row} scale={scale} choose={props.choose} />
            ),
          )}
        </tbody>
      </table>
      {left > 0 && (
        <div className="pager">
          <button type="button" onClick={() => setLimit(limit + DRAWN)}>Show more: {left} are left</button>
        </div>
      )}
    </>
  )
}

function Axis({ scale }: { scale: Scale }) {
  return (
    <div className="axis" aria-hidden="true">
      {scale.ticks.map((tick) => (
        <span key={tick.us} style={{ left: `${tick.at * 100}%` }}>{tick.us === 0 ? '0' : duration(tick.us)}</span>
      ))}
    </div>
  )
}

function Folds({ scale }: { scale: Scale }) {
  return scale.pieces.filter((piece) => piece.folded).map((piece) => (
    <i
      key={piece.from}
      className="folded"
      title={`${duration(piece.to - piece.from)} in which nothing ran`}
      style={{ left: `${piece.left * 100}%`, width: `${(piece.right - piece.left) * 100}%` }}
    />
  ))
}

function SpanRow({ row, scale, now, chosen, choose, toggle }: Props & { row: Extract<Row, { type: 'span' }>; scale: Scale; now: number }) {
  const { span } = row
  return (
    <tr
      data-row
      aria-level={row.depth + 1}
      aria-expanded={row.children ? !row.hidden : undefined}
      aria-selected={span.id === chosen}
      className="wf-span"
      onClick={() => choose(span.id)}
    >
      <td className="wf-what">
        <div style={{ paddingLeft: `${row.depth * 18}px` }}>
          {row.children ? (
            <button
              type="button"
              className={row.hidden ? 'twist' : 'twist is-open'}
              aria-label={row.hidden ? 'Show what is below' : 'Hide what is below'}
              onClick={(event) => (event.stopPropagation(), toggle(span.id))}
            >
              <Icon name="chevron" size={12} />
            </button>
          ) : (
            <span className="twist" />
          )}
          <KindMark kind={span.kind} />
          <button type="button" className="wf-name" onClick={() => choose(span.id)}>{span.step}</button>
          <span className="mute clip">{span.name !== span.step && span.name}</span>
          {span.max_attempts !== null && span.max_attempts > 1 && (span.attempt ?? 1) > 1 && (
            <span className="chip chip-warn">attempt {span.attempt}/{span.max_attempts}</span>
          )}
        </div>
      </td>
      <td className="wf-status"><Status value={span.status} /></td>
      <td className="wf-time number">{span.duration_us === null ? 'running' : duration(span.duration_us)}</td>
      <td className="wf-axis"><Bar span={span} scale={scale} now={now} /></td>
    </tr>
  )
}

function Bar({ span, scale, now }: { span: Span; scale: Scale; now: number }) {
  const left = scale.at(span.offset_us)
  const right = scale.at(endOf(span, now))
  const waited = span.wait_us ? scale.at(Math.max(0, span.offset_us - span.wait_us)) : left
  return (
    <div className="lane">
      <Folds scale={scale} />
      {waited < left && (
        <i className="bar-wait" title={`waited ${duration(span.wait_us)}`} style={{ left: `${waited * 100}%`, width: `${(left - waited) * 100}%` }} />
      )}
      <i
        className={`bar bar-${toneOf(span.status)} ${span.duration_us === null ? 'is-running' : ''}`}
        style={{ left: `${left * 100}%`, width: `${Math.max(0, right - left) * 100}%` }}
      />
    </div>
  )
}

function EventRow({ row, scale, choose }: { row: Extract<Row, { type: 'event' }>; scale: Scale; choose: (span: string) => void }) {
  const { event } = row
  return (
    <tr className="wf-event" aria-level={row.depth + 1} onClick={() => choose(row.span.id)}>
      <td className="wf-what" colSpan={3}>
        <div style={{ paddingLeft: `${row.depth * 18 + 20}px` }}>
          <span className="wf-offset">+{duration(Math.max(0, event.offset_us - row.span.offset_us))}</span>
          <EventText event={event} />
        </div>
      </td>
      <td className="wf-axis">
        <div className="lane">
          <Folds scale={scale} />
          <i className={`tick tick-${event.type} ${event.level ? `tick-${event.level.toLowerCase()}` : ''}`} style={{ left: `${scale.at(event.offset_us) * 100}%` }} />
        </div>
      </td>
    </tr>
  )
}

/** What happened, as one would write it. */
export function EventText({ event }: { event: TraceEvent }) {
  if (event.type === 'log') {
    const fields = Object.entries(event.fields ?? {})
    return (
      <>
        <Level level={event.level ?? 'info'} />
        <span className="clip">
          {plain(event.message ?? '')}
          {fields.map(([key, value]) => <span key={key} className="logfield"><i>{key}=</i>{oneLine(value, 60)}</span>)}
        </span>
      </>
    )
  }
  const changed = event.before !== undefined && event.before !== null
  return (
    <>
      <KindMark kind={event.type === 'enqueue' ? 'queue' : event.type} size={12} />
      <span className="clip mono">
        <b>{event.type === 'enqueue' ? 'enqueue' : `${event.type}.${event.op ?? 'set'}`}</b> {event.target}{' '}
        {changed && <span className="mute">{oneLine(event.before, 40)} → </span>}
        {event.after !== undefined && event.after !== null && <span className="soft">{oneLine(event.after, 80)}</span>}
        {event.message && <span className="mute"> {event.message}</span>}
      </span>
    </>
  )
}
