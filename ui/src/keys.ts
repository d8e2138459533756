import { useEffect } from 'react'

// Keys of one letter are off in fields and dialogs, and can be switched off (WCAG 2.1.4).
const SWITCH = 'motia.keys'

export function keysAreOn(): boolean {
  try {
    return localStorage.getItem(SWITCH) !== 'off'
  } catch {
    return true
  }
}

export function switchKeys(on: boolean): void {
  try {
    localStorage.setItem(SWITCH, on ? 'on' : 'off')
  } catch {
    // Storage is off: they stay on until the page is left.
  }
}

export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

export type Keys = Record<string, (event: KeyboardEvent) => void>

/** Do what the table says for a key; `g x` for two in a row, `mod+k` for Ctrl or Command. */
export function useKeys(table: Keys): void {
  useEffect(() => {
    let lead = ''
    let timer: number | undefined
    const press = (event: KeyboardEvent) => {
      const mod = event.ctrlKey || event.metaKey
      const key = mod ? `mod+${event.key.toLowerCase()}` : event.key
      if (!mod && (event.altKey || isTyping(event.target) || !keysAreOn())) return
      if (!mod && document.querySelector('dialog[open]')) return
      const action = table[lead ? `${lead} ${key}` : key]
      window.clearTimeout(timer)
      lead = !lead && key === 'g' ? 'g' : ''
      timer = window.setTimeout(() => (lead = ''), 1_000)
      if (!action) return
      event.preventDefault()
      action(event)
    }
    window.addEventListener('keydown', press)
    return () => {
      window.removeEventListener('keydown', press)
      window.clearTimeout(timer)
    }
  })
}

// What opens a row, where it has other buttons too.
const OPENERS = '.cover, .wf-name, .logtext'

/** `j` and `k` over the rows of a list, `Enter` opens what a row links to. */
export function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const here = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement))
  const next = rows[Math.min(rows.length - 1, Math.max(0, here + step))]
  const focusable = next?.matches('a,button') ? next : next?.querySelector<HTMLElement>(OPENERS) ?? next?.querySelector<HTMLElement>('a,button')
  focusable?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}
