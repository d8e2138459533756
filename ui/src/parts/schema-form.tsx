import { useState } from 'react'
import { asSchema, valueOf, type Field } from '../schema'

/** An object as a form; what is no single value is asked for as JSON. */
export function SchemaForm({ fields, value, change }: { fields: Field[]; value: unknown; change: (value: Record<string, unknown>) => void }) {
  const object = asSchema(value) ?? {}
  const put = (field: Field, text: string) => {
    const next = { ...object }
    const made = valueOf(field, text)
    if (made === undefined) delete next[field.name]
    else next[field.name] = made
    change(next)
  }
  return (
    <div className="schema-form">
      {fields.map((field) => (
        <label key={field.name} className="field">
          <span>{field.name}{field.required && <b className="bad" title="required"> *</b>} <small>{field.type}</small></span>
          <Input field={field} value={object[field.name]} put={(text) => put(field, text)} />
          {field.description && <small>{field.description}</small>}
        </label>
      ))}
    </div>
  )
}

function Input({ field, value, put }: { field: Field; value: unknown; put: (text: string) => void }) {
  if (field.type === 'enum' || field.type === 'boolean') {
    const options = field.type === 'boolean' ? [true, false] : field.options
    return (
      <select value={value === undefined ? '' : String(value)} onChange={(event) => put(event.target.value)}>
        {(!field.required || value === undefined) && <option value="">—</option>}
        {options.map((option) => <option key={String(option)} value={String(option)}>{String(option)}</option>)}
      </select>
    )
  }
  if (field.type === 'json') return <JsonInput value={value} put={put} />
  const text = value === undefined || value === null ? '' : String(value)
  return <input type={field.type === 'string' ? 'text' : 'number'} step={field.type === 'integer' ? 1 : 'any'} value={text} onChange={(event) => put(event.target.value)} />
}

// What is typed stays as it is typed until it is left.
function JsonInput({ value, put }: { value: unknown; put: (text: string) => void }) {
  const [text, setText] = useState(() => (value === undefined ? '' : JSON.stringify(value, null, 2)))
  return <textarea rows={4} spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} onBlur={() => put(text)} />
}
