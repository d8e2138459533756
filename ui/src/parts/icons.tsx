// The page's own icons, on a grid of 16.
const PATHS: Record<string, string> = {
  overview: 'M2.5 9.5h4v4h-4zM2.5 2.5h4v4h-4zM9.5 2.5h4v7h-4zM9.5 12.5h4v1h-4z',
  flows: 'M1.5 6h4v4h-4zM10.5 2h4v4h-4zM10.5 10h4v4h-4zM5.5 8h2.5M8 4v8M8 4h2.5M8 12h2.5',
  endpoints: 'M2 5h11M10 2l3 3-3 3M14 11H3M6 8l-3 3 3 3',
  traces: 'M2 3.5h7M4.5 8h8M8 12.5h6',
  logs: 'M2.5 3.5h11M2.5 6.5h7M2.5 9.5h11M2.5 12.5h5',
  queues: 'M2.5 3h11v3h-11zM2.5 8h11v3h-11zM4.5 13.5h7',
  schedules: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8zM8 4.5V8l2.5 1.8',
  state: 'M2.5 4c0-1.2 2.5-2 5.5-2s5.5.8 5.5 2-2.5 2-5.5 2-5.5-.8-5.5-2zM2.5 4v8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2V4M2.5 8c0 1.2 2.5 2 5.5 2s5.5-.8 5.5-2',
  streams: 'M1.5 5c2-2.5 4-2.5 6.5 0s4.5 2.5 6.5 0M1.5 8.5c2-2.5 4-2.5 6.5 0s4.5 2.5 6.5 0M1.5 12c2-2.5 4-2.5 6.5 0s4.5 2.5 6.5 0',
  http: 'M1.5 5.5h11.5M10 2.5l3 3-3 3M14.5 11H3M6 8l-3 3 3 3',
  queue: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  cron: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8zM8 4.5V8l2.5 1.8',
  stream: 'M1.5 6c2-2.5 4-2.5 6.5 0s4.5 2.5 6.5 0M1.5 10.5c2-2.5 4-2.5 6.5 0s4.5 2.5 6.5 0',
  virtual: 'M4.5 12.5h7a2.8 2.8 0 0 0 .3-5.6A4 4 0 0 0 4.2 6.3a3.1 3.1 0 0 0 .3 6.2z',
  noop: 'M8 2.5v11M2.5 8h11',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.5 10.5l3.5 3.5',
  ok: 'M3 8.5l3.2 3.2L13 4.8',
  error: 'M4 4l8 8M12 4l-8 8',
  running: 'M8 2a6 6 0 1 1-6 6',
  recovered: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 2v3h-3',
  warn: 'M8 2.2L14.5 13.5h-13zM8 6.5v3M8 11.4v.2',
  dot: 'M8 6.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z',
  skipped: 'M3 3l5 5-5 5M9.5 3v10',
  copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
  play: 'M5 3l8 5-8 5z',
  pause: 'M5 3v10M11 3v10',
  chevron: 'M6 3.5L10.5 8 6 12.5',
  close: 'M4 4l8 8M12 4l-8 8',
  sun: 'M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1',
  moon: 'M13.5 9.8A5.8 5.8 0 0 1 6.2 2.5a5.8 5.8 0 1 0 7.3 7.3z',
  auto: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2zM8 2v12M8 5h4.8M8 8h6M8 11h4.8',
  help: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8zM6.2 6.3c0-1 .8-1.7 1.8-1.7s1.8.7 1.8 1.6c0 1.3-1.8 1.4-1.8 2.6M8 11.2v.2',
  fold: 'M10.5 3L6 8l4.5 5',
  edit: 'M10.5 2.8l2.7 2.7-7.5 7.5H3v-2.7z',
  trash: 'M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.8l.6-9',
  send: 'M2 8l12-5.5L9.5 14 7.5 9z',
  refresh: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 2v3h-3',
  plus: 'M8 3v10M3 8h10',
  link: 'M6.5 9.5l3-3M7 4.5l1.2-1.2a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5l-1.2 1.2a3 3 0 0 1-4.3-4.3l1.2-1.2',
}

const DIAMOND = 'M8 2l6 6-6 6-6-6z'

export function Icon({ name, size = 16, label }: { name: string; size?: number; label?: string }) {
  const path = name === 'state-change' ? DIAMOND : PATHS[name] ?? PATHS.dot
  return (
    <svg
      className={`icon icon-${name}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      role={label ? 'img' : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
    >
      <path d={path} />
    </svg>
  )
}
