/** Numbers as people read them. A number that is not known is a dash, never a zero. */
export const NONE = '—'

export function duration(us: number | null | undefined): string {
  if (us === null || us === undefined) return NONE
  if (us < 1_000) return `${Math.round(us)} µs`
  const ms = us / 1_000
  if (ms < 10) return `${trim(ms, 1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const s = ms / 1_000
  if (s < 60) return `${trim(s, s < 10 ? 2 : 1)} s`
  if (s < 3_600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`
  return `${Math.floor(s / 3_600)} h ${Math.round((s % 3_600) / 60)} min`
}

/** Of numbers that were rounded to milliseconds or nearly: nothing took no time. */
export const milliseconds = (ms: number | null | undefined): string =>
  ms === 0 ? '< 1 ms' : duration(ms === null || ms === undefined ? null : ms * 1_000)

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : value.toLocaleString('en')
}

export function percent(part: number | null | undefined, whole: number | null | undefined): string {
  if (part === null || part === undefined || !whole) return NONE
  const share = (100 * part) / whole
  return share > 0 && share < 0.1 ? '< 0.1 %' : `${trim(share, 1)} %`
}

export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return NONE
  if (size < 1_024) return `${size} B`
  return size < 1_048_576 ? `${trim(size / 1_024, 1)} KiB` : `${trim(size / 1_048_576, 1)} MiB`
}

/** How long ago, or in how long: `3 s ago`, `in 5 min`. */
export function age(at: number, now: number): string {
  const away = Math.abs(now - at)
  const text = span(away)
  if (away < 1_000) return 'now'
  return at <= now ? `${text} ago` : `in ${text}`
}

function span(ms: number): string {
  const s = ms / 1_000
  if (s < 60) return `${Math.floor(s)} s`
  if (s < 3_600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3_600)} h`
  return `${Math.floor(s / 86_400)} d`
}

export function clock(at: number, withMs = false): string {
  const date = new Date(at)
  const text = date.toLocaleTimeString('en-GB', { hour12: false })
  return withMs ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text
}

export function moment(at: number): string {
  const date = new Date(at)
  const day = date.toLocaleDateString('en-CA')
  return `${day} ${clock(at, true)}`
}

export const short = (id: string): string => (id.length > 12 ? `${id.slice(0, 8)}…` : id)

export function oneLine(value: unknown, length = 160): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}

// Terminals' colours have no place in a page.
const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g')
export const plain = (text: string): string => text.replace(ANSI, '')

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
