import { useEffect, useState } from 'react'
import { query } from '../api'
import { feed } from '../feed'
import { isNarrow, traceFilter } from '../filters'
import { Empty, Shown } from '../parts/answers'
import { Choice, Search, Segmented } from '../parts/controls'
import { Icon } from '../parts/icons'
import { Page, Pager } from '../parts/page'
import { TraceTable } from '../parts/trace-table'
import { useQuery } from '../route'
import { useResource } from '../store'
import type { Page as Items, TraceSummary } from '../types'
import { NoRuns } from './overview'

const LIVE = ['trace.upsert']
const NEVER: string[] = []
const TRIGGERS = [['', 'Any trigger'], ['http', 'HTTP'], ['queue', 'Queue'], ['cron', 'Schedule'], ['state', 'State'], ['stream', 'Stream']] as const
const STATUSES = [['', 'All'], ['error', 'Failed'], ['recovered', 'Recovered'], ['running', 'Running'], ['ok', 'Ok']] as const

export function TracesPage() {
  const [params, change] = useQuery()
  const filter = traceFilter(params)
  const paused = params.get('live') === 'off'
  const cursor = params.get('cursor')
  const path = `traces${query({ ...filter, cursor, limit: 50 })}`
  const traces = useResource<Items<TraceSummary>>(path, { on: paused || cursor ? NEVER : LIVE })
  const waiting = useWaiting(paused || cursor !== null, path, traces.at)
  const set = (values: Record<string, string | null>) => change({ ...values, cursor: null })
  return (
    <Page
      title="Traces"
      tools={
        <>
          <Segmented label="Status" value={filter.status ?? ''} options={STATUSES} choose={(status) => set({ status })} />
          <Choice label="Trigger" value={filter.trigger ?? ''} options={TRIGGERS} choose={(trigger) => set({ trigger })} />
          <label className="check">
            <input type="checkbox" checked={filter.hide === 'cron'} onChange={(event) => set({ scheduled: event.target.checked ? null : 'shown' })} />
            Hide scheduled
          </label>
          {(['flow', 'step'] as const).map((name) => params.get(name) && (
            <button key={name} type="button" className="chip" onClick={() => set({ [name]: null })} title="Remove this filter">
              {name}: {params.get(name)} <Icon name="close" size={11} />
            </button>
          ))}
          <span className="spacer" />
          <Search label="Name, step or error" value={params.get('q') ?? ''} change={(q) => set({ q })} />
          <button type="button" aria-pressed={paused} onClick={() => change({ live: paused ? null : 'off' })}>
            <Icon name={paused ? 'play' : 'pause'} size={13} /> {paused ? 'Follow' : 'Pause'}
          </button>
        </>
      }
    >
      {waiting > 0 && (
        <button type="button" className="plain newer" onClick={() => (cursor ? set({}) : traces.reload())}>
          {waiting} new or changed ↑
        </button>
      )}
      <Shown of={traces} what="Traces">
        {(data) =>
          data.items.length ? (
            <>
              <TraceTable items={data.items} />
              <Pager shown={data.items.length} total={data.total} next={data.next} cursor={cursor} go={(next) => change({ cursor: next }, false)} />
            </>
          ) : isNarrow(filter) ? (
            <Empty title="Nothing matches" icon="search">
              <button type="button" onClick={() => change({ status: null, trigger: null, q: null, flow: null, step: null, scheduled: 'shown', cursor: null })}>
                Show all traces
              </button>
            </Empty>
          ) : (
            <NoRuns />
          )
        }
      </Shown>
    </Page>
  )
}

/** How many traces came or changed since the list was read, while it does not follow. */
function useWaiting(isStill: boolean, path: string, readAt: number | null): number {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => setIds(new Set()), [isStill, path, readAt])
  useEffect(() => {
    if (!isStill) return
    return feed.listen((events) => {
      const seen = events.filter((event) => event.type === 'trace.upsert').map((event) => String(event.data.trace_id ?? event.data.id ?? event.id))
      if (seen.length) setIds((before) => new Set([...before, ...seen]))
    })
  }, [isStill])
  return ids.size
}
