// Before the first paint, and a file of its own because the page's policy allows no inline script.
try {
  const theme = localStorage.getItem('motia.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is off: the system's theme it is.
}
