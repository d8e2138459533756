import { useEffect, useRef, useState } from 'react'
import { Link } from 'wouter'
import { query } from '../api'
import { logFilter } from '../filters'
import { clock, moment, oneLine, plain, short } from '../format'
import { Empty, Shown } from '../parts/answers'
import { Check, Search, Segmented } from '../parts/controls'
import { Icon } from '../parts/icons'
import { Level } from '../parts/marks'
import { Inspector, Facts, Page, Pager, Section } from '../parts/page'
import { Json } from '../parts/json'
import { href, useQuery } from '../route'
import { useSession } from '../session'
import { save } from '../save'
import { useResource } from '../store'
import { NotRecorded } from './overview'
import type { LogLine, Page as Items } from '../types'

const LIVE = ['log.append', 'event.append']
const NEVER: string[] = []
const LEVELS = [['', 'All'], ['info', 'Info +'], ['warning', 'Warning +'], ['error', 'Error +']] as const

export function LogsPage() {
  const recorded = useSession().stores?.trace !== null
  const [params, change] = useQuery()
  const filter = logFilter(params)
  const cursor = params.get('cursor')
  const paused = params.get('live') === 'off'
  const [wrap, setWrap] = useState(false)
  const [chosen, setChosen] = useState<string | null>(null)
  const path = `logs${query({ ...filter, cursor, limit: 200 })}`
  const logs = useResource<Items<LogLine>>(path, { on: paused || cursor ? NEVER : LIVE })
  const line = logs.data?.items.find((item) => String(item.id) === chosen)
  const set = (values: Record<string, string | null>) => change({ ...values, cursor: null })
  return (
    <Page
      title="Logs"
      tools={
        <>
          <Segmented label="Level" value={filter.level ?? ''} options={LEVELS} choose={(level) => set({ level })} />
          {(['step', 'trace'] as const).map((name) => filter[name] && (
            <button key={name} type="button" className="chip" title="Remove this filter" onClick={() => set({ [name]: null })}>
              {name}: {short(filter[name] ?? '')} <Icon name="close" size={11} />
            </button>
          ))}
          <span className="spacer" />
          <Check checked={wrap} change={setWrap}>Wrap</Check>
          <Search label="Text of a line" value={filter.q ?? ''} change={(q) => set({ q })} />
          <button type="button" disabled={!logs.data?.items.length} onClick={() => save('logs.jsonl', (logs.data?.items ?? []).map((item) => JSON.stringify(item)).join('\n'))}>Download</button>
          <button type="button" aria-pressed={paused} onClick={() => change({ live: paused ? null : 'off' })}>
            <Icon name={paused ? 'play' : 'pause'} size={13} /> {paused ? 'Follow' : 'Pause'}
          </button>
        </>
      }
      side={line && <LogInspector line={line} close={() => setChosen(null)} />}
    >
      <Shown of={logs} what="Logs">
        {(data) =>
          data.items.length ? (
            <>
              <Lines items={data.items} wrap={wrap} chosen={chosen} choose={setChosen} />
              <Pager shown={data.items.length} total={data.total} next={data.next} cursor={cursor} go={(next) => change({ cursor: next }, false)} />
            </>
          ) : (
            recorded ? <Empty title={Object.values(filter).some(Boolean) ? 'Nothing matches' : 'No lines yet'} icon="logs">
              <p>What steps write with <code>ctx.logger</code> while traces are recorded is shown here.</p>
            </Empty> : <NotRecorded />
          )
        }
      </Shown>
    </Page>
  )
}

function Lines(props: { items: LogLine[]; wrap: boolean; chosen: string | null; choose: (id: string) => void }) {
  const newest = useRef<Set<string>>(null)
  const known = newest.current
  useEffect(() => {
    newest.current = new Set(props.items.map((line) => String(line.id)))
  }, [props.items])
  return (
    <div className={props.wrap ? 'loglines wrap' : 'loglines'} role="log" aria-live="off" aria-label="Log lines, newest first">
      {props.items.map((line) => {
        const id = String(line.id)
        return (
          <div key={id} className={`logline ${known && !known.has(id) ? 'is-new' : ''}`} data-row data-chosen={id === props.chosen}>
            <time dateTime={new Date(line.at).toISOString()} title={moment(line.at)}>{clock(line.at, true)}</time>
            <Level level={line.level} />
            <span className="logstep clip">{line.step}</span>
            <button type="button" className="logtext" onClick={() => props.choose(id)}>
              {plain(line.message)}
              {line.fields && Object.entries(line.fields).map(([key, value]) => (
                <span key={key} className="logfield"><i>{key}=</i>{oneLine(value, 60)}</span>
              ))}
            </button>
            {line.trace_id && <Link href={href(['traces', line.trace_id], { span: line.span_id })} className="chip mono">{line.trace_id.slice(0, 6)}</Link>}
          </div>
        )
      })}
    </div>
  )
}

function LogInspector({ line, close }: { line: LogLine; close: () => void }) {
  return (
    <Inspector title="Log line" label="Log line" close={close}>
      <Section title="Message"><pre>{plain(line.message)}</pre></Section>
      <Section title="Where">
        <Facts
          of={[
            ['at', moment(line.at)],
            ['level', line.level],
            ['step', line.step && <Link className="link" href={href(['logs'], { step: line.step })}>{line.step}</Link>],
            ['trace', line.trace_id && <Link className="link mono" href={href(['traces', line.trace_id], { span: line.span_id })}>{line.trace_id}</Link>],
          ]}
        />
      </Section>
      {line.fields && Object.keys(line.fields).length > 0 && <Section title="Fields"><Json value={line.fields} open={3} /></Section>}
    </Inspector>
  )
}
