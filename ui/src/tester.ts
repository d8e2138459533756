import type { Endpoint } from './types'

/** What the tester sends: one request of an endpoint, as texts that somebody can edit. */
export interface Draft {
  path: Record<string, string>
  query: [string, string][]
  headers: [string, string][]
  body: string
}

export interface Sending {
  method: string
  url: string
  headers: Record<string, string>
  body: string | undefined
}

const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

export const hasBody = (endpoint: Endpoint): boolean => !BODILESS.has(endpoint.method)

/** The path with its parameters filled in; what is left open stays as it is. */
export function filled(path: string, values: Record<string, string>): string {
  return path.replace(/\{(\w+)(?::path)?\}|(?<=\/)[:*](\w+)/g, (whole, braced?: string, plain?: string) => {
    const value = values[braced ?? plain ?? '']
    return value ? encodeURIComponent(value) : whole
  })
}

export function sending(endpoint: Endpoint, draft: Draft, traceparent: string | null): Sending {
  const params = new URLSearchParams(draft.query.filter(([name, value]) => name && value))
  const text = params.toString()
  const headers = Object.fromEntries(draft.headers.filter(([name, value]) => name && value))
  const body = hasBody(endpoint) && draft.body.trim() ? draft.body : undefined
  if (body !== undefined && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) headers['content-type'] = 'application/json'
  if (traceparent) headers.traceparent = traceparent
  return { method: endpoint.method, url: filled(endpoint.path, draft.path) + (text ? `?${text}` : ''), headers, body }
}

/** A trace of our own, so that what follows from the request can be found. */
export function newTrace(): { id: string; header: string } {
  const id = hex(16)
  return { id, header: `00-${id}-${hex(8)}-01` }
}

function hex(size: number): string {
  return [...crypto.getRandomValues(new Uint8Array(size))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

const quoted = (text: string): string => `'${text.replace(/'/g, "'\\''")}'`

export function asCurl(sent: Sending, origin: string): string {
  const parts = [`curl -X ${sent.method} ${quoted(origin + sent.url)}`]
  for (const [name, value] of Object.entries(sent.headers)) if (name !== 'traceparent') parts.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (sent.body !== undefined) parts.push(`--data ${quoted(sent.body)}`)
  return parts.join(' \\\n  ')
}

export function asPython(sent: Sending, origin: string): string {
  const headers = Object.entries(sent.headers).filter(([name]) => name !== 'traceparent')
  const lines = ['import httpx', '', 'response = httpx.request(', `    ${JSON.stringify(sent.method)},`, `    ${JSON.stringify(origin + sent.url)},`]
  if (headers.length) lines.push(`    headers=${JSON.stringify(Object.fromEntries(headers))},`)
  if (sent.body !== undefined) lines.push(`    content=${JSON.stringify(sent.body)},`)
  return [...lines, ')', 'print(response.status_code, response.text)'].join('\n')
}
