// The time axis of a trace: long stretches in which nothing ran are folded to a mark, so that what ran can be read.

export interface Piece {
  /** µs from the start of the trace. */
  from: number
  to: number
  folded: boolean
  /** Shares of the axis, 0 to 1. */
  left: number
  right: number
}

export interface Scale {
  pieces: Piece[]
  /** Where a moment is on the axis, 0 to 1. */
  at: (us: number) => number
  ticks: { us: number; at: number }[]
}

export interface Busy {
  from: number
  to: number
}

const FOLD_US = 1_000_000
const MARK = 0.05

/** The axis over what was busy. Without `fold` it is linear. */
export function scaleOf(busy: Busy[], total: number, fold: boolean): Scale {
  const end = Math.max(total, 1, ...busy.map((item) => item.to))
  const idle = fold ? gaps(busy, end) : []
  const pieces = placed(cut(idle, end))
  const at = (us: number) => locate(pieces, us)
  return { pieces, at, ticks: ticks(pieces, at) }
}

/** Stretches of more than a second in which nothing ran. */
export function gaps(busy: Busy[], end: number): Busy[] {
  const found: Busy[] = []
  let reached = 0
  for (const item of [...busy].sort((a, b) => a.from - b.from)) {
    if (item.from - reached > FOLD_US) found.push({ from: reached, to: item.from })
    reached = Math.max(reached, item.to)
  }
  if (end - reached > FOLD_US) found.push({ from: reached, to: end })
  return found
}

function cut(idle: Busy[], end: number): Omit<Piece, 'left' | 'right'>[] {
  const pieces: Omit<Piece, 'left' | 'right'>[] = []
  let reached = 0
  for (const gap of idle) {
    if (gap.from > reached) pieces.push({ from: reached, to: gap.from, folded: false })
    pieces.push({ ...gap, folded: true })
    reached = gap.to
  }
  if (reached < end) pieces.push({ from: reached, to: end, folded: false })
  return pieces
}

function placed(pieces: Omit<Piece, 'left' | 'right'>[]): Piece[] {
  const folds = pieces.filter((piece) => piece.folded).length
  const mark = folds ? Math.min(MARK, 0.5 / folds) : 0
  const real = pieces.reduce((sum, piece) => sum + (piece.folded ? 0 : piece.to - piece.from), 0)
  const room = real ? 1 - folds * mark : 0
  let left = 0
  return pieces.map((piece) => {
    const share = piece.folded ? (real ? mark : 1 / folds) : (room * (piece.to - piece.from)) / real
    const here = { ...piece, left, right: Math.min(1, left + share) }
    left += share
    return here
  })
}

function locate(pieces: Piece[], us: number): number {
  const piece = pieces.find((item) => us <= item.to) ?? pieces[pieces.length - 1]
  if (!piece) return 0
  const share = piece.to > piece.from ? (us - piece.from) / (piece.to - piece.from) : 0
  return piece.left + Math.min(1, Math.max(0, share)) * (piece.right - piece.left)
}

const WANTED = 7
const APART = 0.12

/** Round moments, far enough apart that their labels do not touch. */
function ticks(pieces: Piece[], at: (us: number) => number): Scale['ticks'] {
  const real = pieces.filter((piece) => !piece.folded)
  const step = round(real.reduce((sum, piece) => sum + piece.to - piece.from, 0) / WANTED)
  const moments = real.flatMap((piece) => {
    const first = Math.ceil(piece.from / step) * step
    const many = Math.max(0, Math.floor((piece.to - first) / step) + 1)
    return Array.from({ length: Math.min(many, 20) }, (_, index) => first + index * step)
  })
  const kept: Scale['ticks'] = []
  for (const us of moments) {
    const place = at(us)
    const before = kept[kept.length - 1]
    if ((!before || place - before.at >= APART) && place < 0.95) kept.push({ us, at: place })
  }
  return kept
}

function round(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  const lead = value / power
  return power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10)
}
