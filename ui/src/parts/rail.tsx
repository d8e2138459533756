import { useState } from 'react'
import { Link } from 'wouter'
import { feed } from '../feed'
import { clock } from '../format'
import { mount } from '../api'
import { useParts } from '../route'
import { useSession } from '../session'
import { useFeed, useResource } from '../store'
import type { Page, QueueSummary } from '../types'
import { Icon } from './icons'
import { cycle, themeNow } from './theme'

export const PAGES = [
  { icon: 'overview', word: 'Overview', to: '/', name: '', key: 'o' },
  { icon: 'flows', word: 'Flows', to: '/flows', name: 'flows', key: 'f' },
  { icon: 'endpoints', word: 'Endpoints', to: '/endpoints', name: 'endpoints', key: 'e' },
  { icon: 'traces', word: 'Traces', to: '/traces', name: 'traces', key: 't' },
  { icon: 'logs', word: 'Logs', to: '/logs', name: 'logs', key: 'l' },
  { icon: 'queues', word: 'Queues', to: '/queues', name: 'queues', key: 'q' },
  { icon: 'schedules', word: 'Schedules', to: '/schedules', name: 'schedules', key: 'c' },
  { icon: 'state', word: 'State', to: '/state', name: 'state', key: 's' },
  { icon: 'streams', word: 'Streams', to: '/streams', name: 'streams', key: 'r' },
] as const

const QUEUE_EVENTS = ['queue.stats', 'message.upsert', 'op.progress', 'registry.changed']

export function Rail({ jump, help }: { jump: () => void; help: () => void }) {
  const { app } = useSession()
  const here = useParts()[0] ?? ''
  const queues = useResource<Page<QueueSummary> | QueueSummary[]>('queues', { on: QUEUE_EVENTS, every: 5_000 })
  const items = queues.error || !queues.data ? [] : Array.isArray(queues.data) ? queues.data : queues.data.items
  const dead = items.reduce((sum, item) => sum + item.depth.dead, 0)
  return (
    <aside className="rail">
      <Link href="/" className="brand">
        <img src={new URL('favicon.svg', mount).href} alt="Overview" />
        <span className="rail-word clip">
          {app.name}
          <small>{app.env}</small>
        </span>
      </Link>
      <button type="button" className="rail-jump rail-word" onClick={jump}>
        <Icon name="search" size={14} /> Go to… <kbd>{navigator.platform.startsWith('Mac') ? '⌘' : 'Ctrl '}K</kbd>
      </button>
      <nav aria-label="Pages">
        {PAGES.map((page) => (
          <Link key={page.name} href={page.to} title={page.word} aria-current={here === page.name ? 'page' : undefined}>
            <Icon name={page.icon} />
            <span className="rail-word">{page.word}</span>
            {page.name === 'queues' && dead > 0 && (
              <span className="badge" title={`${dead} dead letters`}>
                {dead > 999 ? '999+' : dead}
              </span>
            )}
          </Link>
        ))}
      </nav>
      <div className="rail-foot">
        <Live />
        <Tools help={help} />
      </div>
    </aside>
  )
}

function Live() {
  const { status, reason } = useFeed()
  if (status === 'lost') {
    return (
      <button type="button" className="live live-lost" aria-label="Disconnected: try again" title={reason ?? ''} onClick={feed.retry}>
        <i /> <span className="rail-word">Disconnected</span>
      </button>
    )
  }
  const word = { live: 'Live', connecting: 'Connecting…', hidden: 'Paused' }[status]
  return (
    <div className={`live live-${status}`} role="status" title={word}>
      <i /> <span className="rail-word">{word}</span>
    </div>
  )
}

/** Across the page while nothing new can arrive. */
export function LostBar() {
  const { status, lostAt, reason } = useFeed()
  if (status !== 'lost') return null
  return (
    <div className="lost-bar" role="alert">
      <Icon name="warn" />
      Disconnected since {lostAt === null ? '—' : clock(lostAt)}: what is shown may be old. {reason}
      <button type="button" onClick={feed.retry}>
        Try again
      </button>
    </div>
  )
}

function Tools({ help }: { help: () => void }) {
  const [theme, setTheme] = useState(themeNow)
  const names = { auto: 'auto', light: 'sun', dark: 'moon' } as const
  const fold = () => {
    const root = document.documentElement
    root.dataset.rail = root.dataset.rail === 'narrow' ? '' : 'narrow'
  }
  return (
    <div className="rail-tools">
      <button type="button" className="icon-button" title={`Theme: ${theme}`} aria-label={`Theme: ${theme}`} onClick={() => setTheme(cycle())}>
        <Icon name={names[theme]} />
      </button>
      <button type="button" className="icon-button" title="Keyboard shortcuts (?)" aria-label="Keyboard shortcuts" onClick={help}>
        <Icon name="help" />
      </button>
      <button type="button" className="icon-button rail-narrow" title="Narrow or wide" aria-label="Narrow or wide" onClick={fold}>
        <Icon name="fold" />
      </button>
    </div>
  )
}
