import { useEffect, useRef, useState, type ReactNode } from 'react'
import { Icon } from './icons'

export function Segmented<T extends string>(props: {
  label: string
  value: T
  options: readonly (readonly [T, ReactNode])[]
  choose: (value: T) => void
}) {
  return (
    <div className="segmented" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.choose(value)}>
          {text}
        </button>
      ))}
    </div>
  )
}

const TYPED_MS = 250

/** A search field that waits until the typing pauses; `/` reaches it. */
export function Search({ value, change, label }: { value: string; change: (text: string) => void; label: string }) {
  const [text, setText] = useState(value)
  const latest = useRef(change)
  latest.current = change
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value) return
    const timer = window.setTimeout(() => latest.current(text), TYPED_MS)
    return () => window.clearTimeout(timer)
  }, [text, value])
  return (
    <label className="search">
      <Icon name="search" size={14} />
      <input
        type="search"
        data-search
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
      />
    </label>
  )
}

export function Choice(props: {
  label: string
  value: string
  options: readonly (readonly [string, string])[]
  choose: (value: string) => void
}) {
  return (
    <select aria-label={props.label} title={props.label} value={props.value} onChange={(event) => props.choose(event.target.value)}>
      {props.options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  )
}

export function Check(props: { checked: boolean; change: (on: boolean) => void; children: ReactNode }) {
  return (
    <label className="check">
      <input type="checkbox" checked={props.checked} onChange={(event) => props.change(event.target.checked)} />
      <span>{props.children}</span>
    </label>
  )
}

/** A button whose deed takes a while: it says so, and is not pressed twice. */
export function Deed(props: { act: () => Promise<void>; children: ReactNode; className?: string; title?: string; disabled?: boolean }) {
  const [busy, setBusy] = useState(false)
  const press = async () => {
    setBusy(true)
    try {
      await props.act()
    } finally {
      setBusy(false)
    }
  }
  return (
    <button
      type="button"
      className={props.className}
      title={props.title}
      disabled={busy || props.disabled}
      aria-busy={busy}
      onClick={() => void press()}
    >
      {props.children}
    </button>
  )
}
