import { useEffect, type ReactNode } from 'react'
import { useSession } from '../session'
import { Icon } from './icons'

/** A page: its name and controls above, what it shows below, what is looked at closely at the right. */
export function Page(props: { title: string; heading?: ReactNode; tools?: ReactNode; side?: ReactNode; children: ReactNode; padded?: boolean }) {
  const { app } = useSession()
  useEffect(() => {
    document.title = `${props.title} · ${app.name}`
  }, [props.title, app.name])
  return (
    <div className="page">
      <header className="page-head">
        <h1>{props.heading ?? props.title}</h1>
        {props.tools}
      </header>
      <div className="page-body">
        <div className={props.padded ? 'page-main padded' : 'page-main'}>{props.children}</div>
        {props.side}
      </div>
    </div>
  )
}

/** The right-hand panel, the same everywhere; it stands beside the list and never replaces it. */
export function Inspector(props: { title: ReactNode; label: string; close?: () => void; tools?: ReactNode; tabs?: ReactNode; children: ReactNode }) {
  return (
    <aside className="inspector" aria-label={props.label}>
      <header>
        <h2 className="clip grow">{props.title}</h2>
        {props.tools}
        {props.close && (
          <button type="button" className="icon-button" aria-label="Close" data-escape onClick={props.close}>
            <Icon name="close" />
          </button>
        )}
      </header>
      {props.tabs}
      <div className="inspector-body">{props.children}</div>
    </aside>
  )
}

export function Section({ title, children }: { title: ReactNode; children: ReactNode }) {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  )
}

/** Names and values; what is not known is left out. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

export function Pager(props: { shown: number; total?: { value: number; capped: boolean } | null; next: string | null; cursor: string | null; go: (cursor: string | null) => void; words?: readonly [string, string] }) {
  const { total } = props
  const [first, following] = props.words ?? ['Newest', 'Older']
  return (
    <div className="pager">
      <span>
        {props.shown} shown{total ? ` of ${total.value.toLocaleString('en')}${total.capped ? '+' : ''}` : ''}
      </span>
      {props.cursor && (
        <button type="button" onClick={() => props.go(null)}>
          {first}
        </button>
      )}
      {props.next && (
        <button type="button" onClick={() => props.go(props.next)}>
          {following}
        </button>
      )}
    </div>
  )
}
