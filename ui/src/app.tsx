import { useEffect, useState } from 'react'
import { setCsrf } from './api'
import { feed } from './feed'
import { moveRow, useKeys } from './keys'
import { Empty, Failure } from './parts/answers'
import { Crash } from './parts/crash'
import { Help } from './parts/help'
import { Page } from './parts/page'
import { Palette } from './parts/palette'
import { LostBar, PAGES, Rail } from './parts/rail'
import { Toasts } from './parts/toasts'
import { EndpointsPage } from './pages/endpoints'
import { FlowsPage } from './pages/flows'
import { LogsPage } from './pages/logs'
import { OverviewPage } from './pages/overview'
import { QueuesPage } from './pages/queues'
import { SchedulesPage } from './pages/schedules'
import { StatePage } from './pages/state'
import { StreamsPage } from './pages/streams'
import { TracePage } from './pages/trace'
import { TracesPage } from './pages/traces'
import { useGo, useParts } from './route'
import { SessionContext } from './session'
import { useResource } from './store'
import type { Session } from './types'

/** The session first: without it there is nothing to show, and nothing to be allowed. */
export function App() {
  const session = useResource<Session>('session', { on: ['registry.changed'] })
  const { data } = session
  useEffect(() => {
    if (!data) return
    setCsrf(data.csrf)
    feed.start(data.live)
  }, [data])
  if (!data) {
    return session.error ? <Failure error={session.error} retry={session.reload} what="The Workbench cannot begin" /> : null
  }
  setCsrf(data.csrf)
  return (
    <SessionContext value={data}>
      <Shell warnings={data.warnings ?? []} />
    </SessionContext>
  )
}

function Shell({ warnings }: { warnings: string[] }) {
  const [open, setOpen] = useState<'palette' | 'help' | null>(null)
  const go = useGo()
  useKeys({
    'mod+k': () => setOpen('palette'),
    '?': () => setOpen('help'),
    '/': () => document.querySelector<HTMLElement>('[data-search]')?.focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    Escape: () => document.querySelector<HTMLElement>('[data-escape]')?.click(),
    ...Object.fromEntries(PAGES.map((page) => [`g ${page.key}`, () => go(page.to)])),
  })
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById('main')?.focus())}>
        Skip to what is shown
      </a>
      <Rail jump={() => setOpen('palette')} help={() => setOpen('help')} />
      <main id="main" className="main" tabIndex={-1}>
        <LostBar />
        {warnings.map((text) => (
          <div key={text} className="old" role="note">
            {text}
          </div>
        ))}
        <Current />
      </main>
      {open === 'palette' && <Palette close={() => setOpen(null)} />}
      {open === 'help' && <Help close={() => setOpen(null)} />}
      <Toasts />
    </div>
  )
}

function Current() {
  const [page = '', ...rest] = useParts()
  return <Crash key={page}>{pageOf(page, rest)}</Crash>
}

function pageOf(page: string, rest: string[]) {
  switch (page) {
    case '':
      return <OverviewPage />
    case 'flows':
      return <FlowsPage flow={rest[0] ?? null} />
    case 'endpoints':
      return <EndpointsPage id={rest[0] ?? null} />
    case 'traces':
      return rest[0] ? <TracePage key={rest[0]} id={rest[0]} /> : <TracesPage />
    case 'logs':
      return <LogsPage />
    case 'queues':
      return <QueuesPage topic={rest[0] ?? null} />
    case 'schedules':
      return <SchedulesPage id={rest[0] ?? null} />
    case 'state':
      return <StatePage scope={rest[0] ?? null} item={rest[1] ?? null} />
    case 'streams':
      return <StreamsPage name={rest[0] ?? null} group={rest[1] ?? null} item={rest[2] ?? null} />
    default:
      return (
        <Page title="Not found">
          <Empty title="There is no such page" icon="search">
            <p>The rail at the left has all there are.</p>
          </Empty>
        </Page>
      )
  }
}
