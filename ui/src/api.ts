import type { Session } from './types'

/** Where the Workbench is mounted, with a slash at its end; the server wrote it into <base>. */
export const mount = new URL('.', document.baseURI)
const api = new URL('api/v1/', mount)
const DEADLINE_MS = 20_000

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly code: string | null = null,
    readonly body: unknown = null,
  ) {
    super(detail || title)
  }
}

export interface Answer<T> {
  data: T
  etag: string | null
}

let csrf: Session['csrf'] = null

/** The host's own token, sent with everything that changes something. */
export function setCsrf(token: Session['csrf']): void {
  csrf = token
}

export function address(path: string): URL {
  return new URL(path, api)
}

/** A path of the API from parts that may hold anything: encoded twice, for some servers decode a slash before they route. */
export function at(...parts: string[]): string {
  return parts.map((part) => encodeURIComponent(encodeURIComponent(part))).join('/')
}

export function query(values: Record<string, string | number | boolean | null | undefined>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== '' && value !== false) params.set(key, String(value))
  }
  const text = params.toString()
  return text ? `?${text}` : ''
}

export async function call<T>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer<T>> {
  const sent: Record<string, string> = { accept: 'application/json', ...headers }
  if (method !== 'GET') {
    sent['content-type'] = 'application/json'
    if (csrf) sent[csrf.header] = csrf.token
  }
  let response: Response
  try {
    response = await fetch(address(path), {
      method,
      headers: sent,
      body: method === 'GET' ? undefined : JSON.stringify(body ?? {}),
      credentials: 'same-origin',
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
  } catch (error) {
    throw unreachable(error)
  }
  return { data: await read<T>(response), etag: response.headers.get('etag') }
}

export const get = async <T>(path: string): Promise<T> => (await call<T>('GET', path)).data
export const post = async <T>(path: string, body?: unknown): Promise<T> => (await call<T>('POST', path, body)).data

function unreachable(error: unknown): ApiError {
  const late = error instanceof DOMException && error.name === 'TimeoutError'
  return late
    ? new ApiError(0, 'No answer', `The app did not answer within ${DEADLINE_MS / 1000} seconds.`)
    : new ApiError(0, 'No connection', 'The app cannot be reached. Is it still running?')
}

async function read<T>(response: Response): Promise<T> {
  const text = await response.text()
  let body: unknown = null
  try {
    body = text ? JSON.parse(text) : null
  } catch {
    if (response.ok) throw new ApiError(response.status, 'Not JSON', 'The answer is not JSON; a proxy or login page may have answered.')
  }
  if (response.ok) return body as T
  const problem = (body ?? {}) as { title?: string; detail?: string; code?: string }
  throw new ApiError(
    response.status,
    problem.title ?? `${response.status} ${response.statusText}`.trim(),
    problem.detail ?? '',
    problem.code ?? null,
    body,
  )
}
