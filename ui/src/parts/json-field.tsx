import { useId } from 'react'

export type Parsed = { ok: true; value: unknown } | { ok: false; problem: string }

/** A text as JSON, or where it stops being JSON. */
export function parse(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    return { ok: false, problem: where(text, error instanceof Error ? error.message : String(error)) }
  }
}

function where(text: string, message: string): string {
  if (!text.trim()) return 'Empty: expected JSON'
  const place = /position (\d+)/.exec(message)
  if (!place) return message
  const before = text.slice(0, Number(place[1])).split('\n')
  const what = message.replace(/ in JSON at position.*/, '')
  return `Line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${what}`
}

/** A text area for JSON that says where a mistake is, and what the schema misses. */
export function JsonField(props: { label: string; text: string; change: (text: string) => void; rows?: number; notes?: string[] }) {
  const id = useId()
  const parsed = parse(props.text)
  const notes = parsed.ok ? props.notes ?? [] : [parsed.problem]
  return (
    <div className="field">
      <span className="row">
        <label htmlFor={id}>{props.label}</label>
        {parsed.ok && notes.length === 0 && <small className="tone-ok">JSON ✓</small>}
      </span>
      <textarea
        id={id}
        rows={props.rows ?? 8}
        spellCheck={false}
        value={props.text}
        aria-invalid={!parsed.ok}
        aria-describedby={`${id}-notes`}
        onChange={(event) => props.change(event.target.value)}
      />
      <small id={`${id}-notes`} className={parsed.ok ? 'tone-warn' : 'bad'} role="status">
        {notes.slice(0, 4).join(' · ')}
      </small>
    </div>
  )
}
