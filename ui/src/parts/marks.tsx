import { useNow } from '../clock'
import { age, moment } from '../format'
import type { Kind } from '../types'
import { Icon } from './icons'

const WORDS: Record<string, { icon: string; tone: string; word: string }> = {
  ok: { icon: 'ok', tone: 'ok', word: 'ok' },
  done: { icon: 'ok', tone: 'ok', word: 'done' },
  error: { icon: 'error', tone: 'error', word: 'failed' },
  failed: { icon: 'error', tone: 'error', word: 'failed' },
  dead: { icon: 'error', tone: 'error', word: 'dead' },
  retry: { icon: 'recovered', tone: 'warn', word: 'retry' },
  recovered: { icon: 'recovered', tone: 'ok', word: 'recovered' },
  running: { icon: 'running', tone: 'run', word: 'running' },
  ready: { icon: 'dot', tone: 'run', word: 'ready' },
  delayed: { icon: 'schedules', tone: 'mute', word: 'delayed' },
  suspect: { icon: 'warn', tone: 'warn', word: 'suspect' },
  discarded: { icon: 'skipped', tone: 'mute', word: 'discarded' },
  skipped: { icon: 'skipped', tone: 'mute', word: 'skipped' },
  cancelled: { icon: 'skipped', tone: 'mute', word: 'cancelled' },
  paused: { icon: 'pause', tone: 'warn', word: 'paused' },
  blocked: { icon: 'warn', tone: 'warn', word: 'blocked' },
}

export const toneOf = (status: string): string => WORDS[status]?.tone ?? 'mute'

/** A glyph, a word and a colour: never colour alone. */
export function Status({ value, word }: { value: string; word?: string }) {
  const { icon, tone, word: usual } = WORDS[value] ?? { icon: 'dot', tone: 'mute', word: value }
  return (
    <span className={`status tone-${tone}`}>
      <Icon name={icon} size={13} />
      {word ?? usual}
    </span>
  )
}

const KINDS: Record<string, { icon: string; word: string }> = {
  http: { icon: 'http', word: 'HTTP' },
  queue: { icon: 'queue', word: 'queue' },
  cron: { icon: 'cron', word: 'schedule' },
  state: { icon: 'state-change', word: 'state' },
  stream: { icon: 'stream', word: 'stream' },
  virtual: { icon: 'virtual', word: 'outside' },
}

export function KindMark({ kind, size = 14 }: { kind: Kind; size?: number }) {
  const { icon, word } = KINDS[kind] ?? { icon: 'noop', word: kind }
  return (
    <span className={`kind kind-${kind}`} title={word}>
      <Icon name={icon} size={size} label={word} />
    </span>
  )
}

export function Method({ name }: { name: string }) {
  return <span className={`method method-${name.toLowerCase()}`}>{name}</span>
}

/** How long ago; the moment itself on hover. */
export function Age({ at }: { at: number | null | undefined }) {
  const now = useNow()
  if (at === null || at === undefined) return <span className="mute">—</span>
  return (
    <time dateTime={new Date(at).toISOString()} title={moment(at)}>
      {age(at, now)}
    </time>
  )
}

export function Level({ level }: { level: string }) {
  const name = level.toLowerCase()
  return (
    <span className={`level level-${name}`} title={name}>
      <b aria-hidden="true">{name.charAt(0).toUpperCase()}</b>
      <span className="level-word">{name}</span>
    </span>
  )
}
