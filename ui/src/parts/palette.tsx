import { useEffect, useMemo, useRef, useState } from 'react'
import { Link } from 'wouter'
import { query } from '../api'
import { href, useGo } from '../route'
import { useResource } from '../store'
import type { SearchHit } from '../types'
import { Icon } from './icons'
import { PAGES } from './rail'

interface Entry {
  icon: string
  label: string
  note: string
  to: string
}

const TRACE_ID = /^[0-9a-f]{32}$/i

/** Where a found thing is shown. */
export function placeOf(hit: SearchHit): Entry {
  const pages: Record<string, string> = { step: 'flows', flow: 'flows', endpoint: 'endpoints', queue: 'queues', topic: 'queues', trace: 'traces', schedule: 'schedules', state: 'state', stream: 'streams' }
  const page = pages[hit.kind]
  const own = hit.href?.startsWith('/') ? hit.href : null
  return { icon: page ?? 'search', label: hit.label, note: hit.kind, to: own ?? (page ? href([page, hit.id]) : '/') }
}

/** Ctrl/⌘ K: every page, step, endpoint, queue; or a trace id, pasted. */
export function Palette({ close }: { close: () => void }) {
  const ref = useRef<HTMLDialogElement>(null)
  const [text, setText] = useState('')
  const [asked, setAsked] = useState('')
  const [place, setPlace] = useState(0)
  const go = useGo()
  useEffect(() => {
    const dialog = ref.current
    if (dialog && !dialog.open) dialog.showModal()
    return () => dialog?.close()
  }, [])
  useEffect(() => {
    const timer = window.setTimeout(() => setAsked(text.trim()), 150)
    return () => window.clearTimeout(timer)
  }, [text])
  const found = useResource<SearchHit[] | { items: SearchHit[] }>(asked && !TRACE_ID.test(asked) ? `search${query({ q: asked })}` : null)
  const entries = useMemo(() => offered(text.trim(), found.data), [text, found.data])
  const chosen = Math.min(place, entries.length - 1)
  const open = (entry: Entry | undefined) => {
    if (!entry) return
    close()
    go(entry.to)
  }
  const press = (event: React.KeyboardEvent) => {
    if (event.key === 'ArrowDown') setPlace(Math.min(chosen + 1, entries.length - 1))
    else if (event.key === 'ArrowUp') setPlace(Math.max(chosen - 1, 0))
    else if (event.key === 'Enter') open(entries[chosen])
    else return
    event.preventDefault()
  }
  return (
    <dialog
      ref={ref}
      className="dialog palette"
      aria-label="Go to"
      onCancel={(event) => {
        event.preventDefault()
        close()
      }}
      onClick={(event) => event.target === ref.current && close()}
    >
      <input
        className="palette-input"
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${chosen}`}
        aria-label="Page, step, endpoint, queue or trace id"
        placeholder="Page, step, endpoint, queue, or a trace id"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setPlace(0)
        }}
        onKeyDown={press}
      />
      <ul id="palette-list" role="listbox" aria-label="Found">
        {entries.map((entry, index) => (
          <li key={`${entry.to} ${entry.label}`} id={`palette-${index}`} role="option" aria-selected={index === chosen}>
            <Link href={entry.to} onClick={close} tabIndex={-1}>
              <Icon name={entry.icon} />
              <span className="clip">{entry.label}</span>
              <small>{entry.note}</small>
            </Link>
          </li>
        ))}
        {!entries.length && <li className="empty">{found.error ? found.error.message : found.loading ? 'Looking…' : 'Nothing of that name.'}</li>}
      </ul>
    </dialog>
  )
}

function offered(text: string, found: SearchHit[] | { items: SearchHit[] } | undefined): Entry[] {
  if (TRACE_ID.test(text)) return [{ icon: 'traces', label: text, note: 'open trace', to: href(['traces', text.toLowerCase()]) }]
  const low = text.toLowerCase()
  const pages = PAGES.filter((page) => page.word.toLowerCase().includes(low)).map((page) => ({ icon: page.icon, label: page.word, note: `g ${page.key}`, to: page.to }))
  const hits = text && found ? (Array.isArray(found) ? found : found.items) : []
  return [...pages, ...hits.map(placeOf)].slice(0, 30)
}
