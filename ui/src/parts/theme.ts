export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'motia.theme'
const NEXT: Record<Theme, Theme> = { auto: 'dark', dark: 'light', light: 'auto' }

export function themeNow(): Theme {
  const set = document.documentElement.dataset.theme
  return set === 'light' || set === 'dark' ? set : 'auto'
}

/** System, dark, light, and around again; kept in this browser, and applied by `theme.js` before the first paint. */
export function cycle(): Theme {
  const theme = NEXT[themeNow()]
  if (theme === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // Storage is off: it holds until the page is left.
  }
  return theme
}
