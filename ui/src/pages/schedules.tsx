import { Link } from 'wouter'
import { at as join, post } from '../api'
import { milliseconds, moment } from '../format'
import { Empty, Shown } from '../parts/answers'
import { Deed } from '../parts/controls'
import { Icon } from '../parts/icons'
import { Code } from '../parts/json'
import { Age, Status, toneOf } from '../parts/marks'
import { Facts, Inspector, Page, Section } from '../parts/page'
import { tell } from '../parts/toasts'
import { href, useGo } from '../route'
import { useCan } from '../session'
import { refresh, useResource } from '../store'
import type { Page as Items, Schedule, Sent } from '../types'
import { itemsOf } from './queues'

const LIVE = ['schedule.upsert', 'trace.upsert', 'registry.changed']
const SNIPPET = '@step(triggers=[cron("0 3 * * *", timezone="Europe/Berlin")])\nasync def nightly(ctx):\n    ...'

export function SchedulesPage({ id }: { id: string | null }) {
  const schedules = useResource<Items<Schedule> | Schedule[]>('schedules', { on: LIVE, every: 5_000 })
  const go = useGo()
  const chosen = itemsOf(schedules.data).find((item) => item.id === id)
  return (
    <Page title="Schedules" side={chosen && <Details of={chosen} close={() => go('/schedules')} />}>
      <Shown of={schedules} what="Schedules">{(data) => <List items={itemsOf(data)} chosen={id} />}</Shown>
    </Page>
  )
}

function List({ items, chosen }: { items: Schedule[]; chosen: string | null }) {
  if (!items.length) return <Empty title="No schedules" icon="schedules"><p>A step with a <code>cron(…)</code> trigger is listed here.</p><Code text={SNIPPET} /></Empty>
  const hasHistory = items.some((item) => item.history?.length)
  return (
    <table className="table">
      <thead>
        <tr>
          <th style={{ width: '22%' }}>Step</th>
          <th style={{ width: '30%' }}>When</th>
          {hasHistory && <th className="roomy">Latest runs</th>}
          <th className="fit handy">Last</th>
          <th className="number fit">Next</th>
          <th className="fit">State</th>
          <th className="fit"><span className="hidden-text">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id} data-row aria-selected={item.id === chosen}>
            <td><Link className="cover" href={href(['schedules', item.id])}>{item.step}</Link></td>
            <td>{item.words} <span className="mute">{item.tz}</span> <code className="mute">{item.expr}</code></td>
            {hasHistory && <td className="roomy"><Strip of={item} /></td>}
            <td className="fit handy">{item.last ? <>{item.last.status && <Status value={item.last.status} />} <span className="mute"><Age at={item.last.at} /></span></> : <span className="mute">never</span>}</td>
            <td className="number fit">{item.paused || item.next[0] === undefined ? <span className="mute">—</span> : <Age at={item.next[0]} />}</td>
            <td className="fit">{item.paused ? <Status value="paused" /> : item.late ? <span className="status tone-warn"><Icon name="warn" size={13} />late</span> : <span className="mute">on</span>}</td>
            <td className="fit"><span className="above"><Actions of={item} /></span></td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The latest ticks, oldest first; each a link to what it did. */
function Strip({ of }: { of: Schedule }) {
  if (!of.history?.length) return null
  return (
    <span className="strip above">
      {[...of.history].sort((a, b) => a.at - b.at).slice(-50).map((tick) => {
        const title = `${moment(tick.at)} ${tick.status ?? ''}`
        const name = `strip-tick bar-${toneOf(tick.status ?? '')}`
        return tick.trace_id ? <Link key={tick.at} href={href(['traces', tick.trace_id])} className={name} title={title} aria-label={title} /> : <i key={tick.at} className={name} title={title} />
      })}
    </span>
  )
}

function Actions({ of }: { of: Schedule }) {
  const [canRun, canPause] = [useCan('run'), useCan('pause')]
  const go = useGo()
  const say = (error: unknown) => tell(error instanceof Error ? error.message : String(error), 'error')
  const run = async () => {
    try {
      const sent = await post<Sent>(join('schedules', of.id, 'run'))
      tell(`${of.step} was started`)
      if (sent.trace_id) go(href(['traces', sent.trace_id]))
    } catch (error) {
      say(error)
    }
  }
  const toggle = async () => {
    try {
      await post(join('schedules', of.id, of.paused ? 'resume' : 'pause'))
      tell(of.paused ? 'Resumed' : 'Paused')
    } catch (error) {
      say(error)
    }
    refresh('schedules')
  }
  return (
    <span className="row nowrap">
      {canRun && <Deed act={run} title="Once, now"><Icon name="play" size={12} />Run now</Deed>}
      {canPause && <Deed act={toggle} className="icon-button" title={of.paused ? 'Resume' : 'Pause'}><Icon name={of.paused ? 'play' : 'pause'} size={13} /></Deed>}
    </span>
  )
}

function Details({ of, close }: { of: Schedule; close: () => void }) {
  return (
    <Inspector title={of.step} label={`Schedule of ${of.step}`} close={close}>
      <Section title="When">
        <Facts of={[['in words', of.words], ['expression', <code key="e">{of.expr}</code>], ['timezone', of.tz], ['overlap', of.overlap]]} />
      </Section>
      <Section title="Next">
        <ul className="lines tight">
          {of.next.map((at) => <li key={at}><span className="grow">{moment(at).slice(0, 19)} <span className="mute">your time</span></span><span className="mute"><Age at={at} /></span></li>)}
        </ul>
      </Section>
      {of.last && (
        <Section title="Last">
          <Facts of={[['at', moment(of.last.at)], ['late by', of.last.lag_ms === null ? null : milliseconds(of.last.lag_ms)], ['ended', of.last.status && <Status value={of.last.status} />], ['trace', of.last.trace_id && <Link className="link mono" href={href(['traces', of.last.trace_id])}>{of.last.trace_id}</Link>]]} />
        </Section>
      )}
      <Section title="More"><Link className="link" href={href(['traces'], { step: of.step, trigger: 'cron' })}>All its traces</Link></Section>
    </Inspector>
  )
}
