import { useEffect, useMemo, useState } from 'react'
import { Link } from 'wouter'
import { href } from '../route'
import { fields, problems, sample } from '../schema'
import { useCan, useSession } from '../session'
import { asCurl, asPython, hasBody, newTrace, sending, type Draft } from '../tester'
import type { Endpoint } from '../types'
import { Choice, Segmented } from './controls'
import { Icon } from './icons'
import { JsonField, parse } from './json-field'
import { Method } from './marks'
import { Pairs } from './pairs'
import { ask, Reply, type Replied } from './reply'
import { SchemaForm } from './schema-form'
import { tell } from './toasts'

function beginning(endpoint: Endpoint): Draft {
  const names = fields(endpoint.query_schema)?.filter((field) => field.required || field.fallback !== undefined) ?? []
  return {
    path: Object.fromEntries(endpoint.path_params.map((name) => [name, ''])),
    query: names.map((field) => [field.name, field.fallback === undefined ? '' : String(field.fallback)]),
    headers: [],
    body: hasBody(endpoint) ? JSON.stringify(endpoint.body_schema ? sample(endpoint.body_schema) : {}, null, 2) : '',
  }
}

const saved = (id: string): string => `motia.example ${id}`

function remembered(id: string): Draft | null {
  try {
    const text = localStorage.getItem(saved(id))
    return text ? (JSON.parse(text) as Draft) : null
  } catch {
    return null
  }
}

/** Sends a request to the app's real route, and shows what came back and what followed. */
export function Tester({ endpoint }: { endpoint: Endpoint }) {
  const session = useSession()
  const [draft, setDraft] = useState<Draft>(() => beginning(endpoint))
  const [mode, setMode] = useState<'json' | 'form'>('json')
  const [bearer, setBearer] = useState('')
  const [reply, setReply] = useState<Replied | null>(null)
  const [busy, setBusy] = useState(false)
  const form = useMemo(() => fields(endpoint.body_schema), [endpoint])
  const canSend = useCan('invoke')
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part })
  const parsed = draft.body.trim() ? parse(draft.body) : null
  const open = endpoint.path_params.filter((name) => !draft.path[name])
  const request = (trace: string | null) => {
    const made = sending(endpoint, draft, trace)
    if (bearer) made.headers.authorization = `Bearer ${bearer}`
    return made
  }

  const send = async () => {
    if (busy || open.length || !canSend) return
    setBusy(true)
    const trace = newTrace()
    const made = request(trace.header)
    if (session.csrf) made.headers[session.csrf.header] = session.csrf.token
    setReply(await ask(made, trace.id))
    setBusy(false)
  }
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void send()
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  })

  const copy = async (text: string) => {
    try {
      await navigator.clipboard.writeText(text)
      tell('Copied')
    } catch {
      tell('The browser refused to copy', 'error')
    }
  }
  const keep = () => {
    try {
      localStorage.setItem(saved(endpoint.id), JSON.stringify(draft))
      tell('Kept in this browser')
    } catch {
      tell('The browser keeps nothing', 'error')
    }
  }

  return (
    <div className="tester">
      <form className="tester-ask" onSubmit={(event) => (event.preventDefault(), void send())}>
        <div className="tester-line">
          <Method name={endpoint.method} />
          <code className="grow clip" title={endpoint.path}>{request(null).url}</code>
          <button type="submit" className="primary" disabled={busy || open.length > 0 || !canSend} title={canSend ? 'Ctrl or ⌘ and Enter' : 'You may look, and send nothing'}>
            <Icon name="send" size={13} /> {busy ? 'Sending…' : 'Send'}
          </button>
        </div>
        <div className="row soft">
          <Link className="link" href={href(['flows', endpoint.flows[0] ?? 'steps'], { step: endpoint.step })}>{endpoint.step}</Link>
          {endpoint.summary && <span>{endpoint.summary}</span>}
        </div>
        <Examples endpoint={endpoint} use={setDraft} keep={keep} />
        {endpoint.path_params.map((name) => (
          <label key={name} className="field">
            <span>{name} <small>in the path</small></span>
            <input value={draft.path[name] ?? ''} onChange={(event) => set({ path: { ...draft.path, [name]: event.target.value } })} aria-invalid={!draft.path[name]} />
          </label>
        ))}
        <Pairs label="Query" pairs={draft.query} change={(query) => set({ query })} known={fields(endpoint.query_schema) ?? []} />
        <Pairs label="Headers" pairs={draft.headers} change={(headers) => set({ headers })} known={[]} />
        <label className="field">
          <span>Bearer token <small>beside your session’s cookies; kept nowhere</small></span>
          <input type="password" autoComplete="off" value={bearer} onChange={(event) => setBearer(event.target.value)} />
        </label>
        {hasBody(endpoint) && (
          <div className="field">
            {form && <Segmented label="Body as" value={mode} options={[['json', 'JSON'], ['form', 'Form']]} choose={setMode} />}
            {mode === 'form' && form && parsed?.ok ? (
              <SchemaForm fields={form} value={parsed.value} change={(value) => set({ body: JSON.stringify(value, null, 2) })} />
            ) : (
              <JsonField label="Body" text={draft.body} change={(body) => set({ body })} rows={12} notes={parsed?.ok && endpoint.body_schema ? problems(endpoint.body_schema, parsed.value) : []} />
            )}
          </div>
        )}
        <div className="row">
          <button type="button" onClick={() => void copy(asCurl(request(null), location.origin))}>Copy curl</button>
          <button type="button" onClick={() => void copy(asPython(request(null), location.origin))}>Copy Python</button>
        </div>
      </form>
      <Reply of={reply} endpoint={endpoint} />
    </div>
  )
}

function Examples({ endpoint, use, keep }: { endpoint: Endpoint; use: (draft: Draft) => void; keep: () => void }) {
  const own = remembered(endpoint.id)
  const given = endpoint.examples ?? []
  const choose = (name: string) => {
    const example = given.find((item) => item.name === name)
    if (name === ' own' && own) use(own)
    else if (name === ' new') use(beginning(endpoint))
    else if (example) {
      use({
        path: { ...beginning(endpoint).path, ...example.path },
        query: Object.entries(example.query ?? {}),
        headers: Object.entries(example.headers ?? {}),
        body: example.body === undefined ? '' : JSON.stringify(example.body, null, 2),
      })
    }
  }
  const options = [['', 'Fill in…'], [' new', 'From the schema'], ...(own ? [[' own', 'As you kept it']] : []), ...given.map((item) => [item.name, item.name])] as [string, string][]
  return (
    <div className="row">
      <Choice label="Example" value="" options={options} choose={choose} />
      <button type="button" onClick={keep}>Keep as example</button>
    </div>
  )
}
