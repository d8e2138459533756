import { useState } from 'react'
import { oneLine } from '../format'
import { Icon } from './icons'
import { tell } from './toasts'

/** A value as a tree that opens and closes; deep or long parts are closed at first. */
export function Json({ value, name, open = 2 }: { value: unknown; name?: string; open?: number }) {
  return (
    <div className="json">
      <Node value={value} name={name} open={open} />
    </div>
  )
}

const LONG = 100

function Node({ value, name, open }: { value: unknown; name?: string; open: number }) {
  const label = name === undefined ? null : <span className="json-key">{name}: </span>
  if (value === null || typeof value !== 'object') {
    return (
      <div className="json-line">
        {label}
        <Leaf value={value} />
      </div>
    )
  }
  return <Branch value={value} name={name} open={open} />
}

function Branch({ value, name, open }: { value: object; name?: string; open: number }) {
  const isList = Array.isArray(value)
  const all = Object.entries(value)
  const [limit, setLimit] = useState(LONG)
  const [isOpen, setOpen] = useState(open > 0 && all.length <= LONG)
  const brackets = isList ? ['[', ']'] : ['{', '}']
  if (!all.length) {
    return (
      <div className="json-line">
        {name !== undefined && <span className="json-key">{name}: </span>}
        {brackets.join('')}
      </div>
    )
  }
  return (
    <details open={isOpen} onToggle={(event) => event.target === event.currentTarget && setOpen(event.currentTarget.open)}>
      <summary>
        {name !== undefined && <span className="json-key">{name}: </span>}
        {isOpen ? brackets[0] : <span className="mute">{oneLine(value, 70)}</span>}
        {isOpen && <span className="json-size">{all.length}</span>}
      </summary>
      {isOpen && (
        <>
          {all.slice(0, limit).map(([key, item]) => (
            <Node key={key} name={key} value={item} open={open - 1} />
          ))}
          {all.length > limit && (
            <button type="button" className="plain" onClick={() => setLimit(limit + LONG)}>
              {all.length - limit} more
            </button>
          )}
          <div className="json-line">{brackets[1]}</div>
        </>
      )}
    </details>
  )
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === 'string') return <span className="json-string">{JSON.stringify(value)}</span>
  return <span className={value === null ? 'mute' : 'json-number'}>{String(value)}</span>
}

export function Copy({ text, what = 'Copy' }: { text: string; what?: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      tell('Copied')
    } catch {
      tell('The browser refused to copy', 'error')
    }
  }
  return (
    <button type="button" className="icon-button" title={what} aria-label={what} onClick={() => void copy()}>
      <Icon name="copy" size={14} />
    </button>
  )
}

export function Code({ text }: { text: string }) {
  return (
    <div className="code">
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} />
    </div>
  )
}
