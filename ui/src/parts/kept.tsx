import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import { ApiError, at as join, call, query } from '../api'
import { bytes, oneLine } from '../format'
import { useCan } from '../session'
import { refresh, useResource } from '../store'
import type { Page as Items, StateItem } from '../types'
import { Empty, Failure, Shown } from './answers'
import { Deed } from './controls'
import { Dialog } from './dialog'
import { JsonField, parse } from './json-field'
import { Copy, Json } from './json'
import { Facts, Inspector, Pager, Section } from './page'
import { tell } from './toasts'

// State and streams are looked at and edited alike: an item of a group, with the version that was seen.

/** The items of a group, as lines. */
export function ItemTable(props: { of: Items<StateItem>; chosen: string | null; to: (key: string) => string; word: string; cursor: string | null; go: (cursor: string | null) => void }) {
  if (!props.of.items.length && !props.of.next) return <Empty title="Nothing here" icon="state">{props.cursor && <button type="button" onClick={() => props.go(null)}>Back to the first</button>}</Empty>
  return (
    <>
      <table className="table">
        <thead>
          <tr><th style={{ width: '32%' }}>{props.word}</th><th>Value</th></tr>
        </thead>
        <tbody>
          {props.of.items.map((item) => (
            <tr key={item.key} data-row aria-selected={item.key === props.chosen}>
              <td><Link className="cover mono" href={props.to(item.key)}>{item.key}</Link></td>
              <td className="mono soft">{item.size ? <span className="mute">{bytes(item.size)}: open it to see it</span> : oneLine(item.value, 240)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Pager shown={props.of.items.length} total={props.of.total} next={props.of.next} cursor={props.cursor} go={props.go} words={['First', 'More']} />
    </>
  )
}

interface Where {
  /** The address of the item, in parts below the API. */
  path: string[]
  title: string
}

/** An item from close by: its value, and editing it as it was seen. */
export function ItemInspector({ where, on, close, more }: { where: Where; on: string[]; close: () => void; more?: ReactNode }) {
  const path = join(...where.path)
  const item = useResource<StateItem>(path, { on, every: 5_000 })
  const [editing, setEditing] = useState<StateItem | null>(null)
  const [deleting, setDeleting] = useState<StateItem | null>(null)
  const canEdit = useCan('edit')
  return (
    <Inspector title={<span className="mono">{where.title}</span>} label={`Item ${where.title}`} close={close}>
      <Shown of={item} what="The item">
        {(data) => (
          <>
            {canEdit && (
              <div className="row actions">
                <button type="button" className="primary" onClick={() => setEditing(data)}>Edit…</button>
                <button type="button" onClick={() => setDeleting(data)}>Delete…</button>
              </div>
            )}
            <Section title="Value"><div className="value"><Copy text={JSON.stringify(data.value, null, 2)} /><Json value={data.value} open={4} /></div></Section>
            {data.version !== null && <Section title="Facts"><Facts of={[['version', <code key="v">{data.version}</code>]]} /></Section>}
            {more}
          </>
        )}
      </Shown>
      {editing && <Editor where={where} seen={editing} close={() => setEditing(null)} />}
      {deleting && <Remover where={where} seen={deleting} close={() => setDeleting(null)} gone={close} />}
    </Inspector>
  )
}

const matching = (version: string | null): Record<string, string> => (version === null ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` })

/** A value as text, sent with the version that was seen: who changed it meanwhile is not overwritten. */
export function Editor({ where, seen, close }: { where: Where; seen: StateItem | null; close: () => void }) {
  const [text, setText] = useState(() => JSON.stringify(seen?.value ?? {}, null, 2))
  const [version, setVersion] = useState<string | null>(seen?.version ?? null)
  const [error, setError] = useState<ApiError | null>(null)
  const parsed = parse(text)
  const now = (error?.body as { current?: { value: unknown; version: string | null } } | null)?.current
  const save = async () => {
    if (!parsed.ok) return
    setError(null)
    try {
      await call('PUT', join(...where.path), { value: parsed.value }, matching(version))
      tell('Saved')
      close()
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
    refresh(where.path[0] ?? '')
  }
  return (
    <Dialog
      wide
      title={`${seen ? 'Edit' : 'Add'} ${where.title}`}
      close={close}
      submit={() => void save()}
      foot={<><button type="button" onClick={close}>Cancel</button><button type="submit" className="primary" disabled={!parsed.ok}>Save</button></>}
    >
      <JsonField label="Value" text={text} change={setText} rows={14} />
      {error && <Failure error={error} />}
      {error?.status === 412 && now && (
        <div className="value">
          <p>What is stored now:</p>
          <Json value={now.value} open={2} />
          <Deed act={async () => {
            setVersion(now.version)
            setError(null)
          }}>I have seen it: save mine instead</Deed>
        </div>
      )}
    </Dialog>
  )
}

function Remover({ where, seen, close, gone }: { where: Where; seen: StateItem; close: () => void; gone: () => void }) {
  const [error, setError] = useState<ApiError | null>(null)
  const remove = async () => {
    try {
      await call('DELETE', join(...where.path), undefined, matching(seen.version))
      tell('Deleted')
      refresh(where.path[0] ?? '')
      gone()
    } catch (failed) {
      setError(failed instanceof ApiError ? failed : new ApiError(0, 'Error', String(failed)))
    }
  }
  return (
    <Dialog
      title={`Delete ${where.title}`}
      close={close}
      submit={() => void remove()}
      foot={<><button type="button" onClick={close}>Cancel</button><button type="submit" className="danger">Delete</button></>}
    >
      <p>It is removed for good, unless somebody has changed it since you looked. Steps that listen to it are told.</p>
      {error && <Failure error={error} />}
    </Dialog>
  )
}

/** Ask for the name of a new item, then for its value. */
export function Adder({ path, word, close }: { path: string[]; word: string; close: () => void }) {
  const [name, setName] = useState('')
  const [named, setNamed] = useState(false)
  if (named) return <Editor where={{ path: [...path, name], title: name }} seen={null} close={close} />
  return (
    <Dialog
      title={`Add to ${path.slice(1).join(' / ')}`}
      close={close}
      submit={() => name && setNamed(true)}
      foot={<><button type="button" onClick={close}>Cancel</button><button type="submit" className="primary" disabled={!name}>Next</button></>}
    >
      <label className="field"><span>{word}</span><input autoFocus value={name} onChange={(event) => setName(event.target.value)} /></label>
    </Dialog>
  )
}

interface Part {
  next: string | null
  cursor: string | null
  go: (cursor: string | null) => void
}

/** Names at the left of a page: groups of state, streams and theirs; where there are many, a part of them. */
export function Names(props: { label: string; items: { name: string; note?: string; to: string; isHere: boolean; depth?: number }[]; part?: Part }) {
  const { part } = props
  return (
    <nav className="names" aria-label={props.label}>
      {props.items.map((item) => (
        <Link key={item.to} href={item.to} aria-current={item.isHere ? 'page' : undefined} style={{ paddingLeft: `${12 + 14 * (item.depth ?? 0)}px` }}>
          <span className="clip mono">{item.name}</span>
          {item.note && <small className="mute">{item.note}</small>}
        </Link>
      ))}
      {part && (part.cursor || part.next) && (
        <div className="row">
          {part.cursor && <button type="button" onClick={() => part.go(null)}>First groups</button>}
          {part.next && <button type="button" onClick={() => part.go(part.next)}>More groups</button>}
        </div>
      )}
    </nav>
  )
}

export const listed = (path: string[], values: Record<string, string | null>): string => `${join(...path)}${query({ ...values, limit: 100 })}`
