import { useMemo } from 'react'
import { useLocation, useSearch } from 'wouter'
import { mount } from './api'

/** The mount path without its last slash: what wouter calls its base. */
export const base = mount.pathname.replace(/\/$/, '')

/** An address inside the Workbench from parts that may hold anything, slashes and percent signs included. */
export function href(parts: string[], values: Record<string, string | null | undefined> = {}): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value) params.set(key, value)
  const text = params.toString()
  return `/${parts.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`
}

/** The parts of a path below the mount, each decoded once. */
export function parts(pathname: string, root = base): string[] {
  const rest = pathname.startsWith(root) ? pathname.slice(root.length) : pathname
  return rest.split('/').filter(Boolean).map(decoded)
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

// wouter decodes an address before it hands it out, which turns `%252F` into a slash: its hooks say when to look, and
// the browser's own location says what is there.
export function useParts(): string[] {
  const [path] = useLocation()
  return useMemo(() => parts(window.location.pathname), [path, window.location.pathname])
}

export type Change = Record<string, string | null | undefined>

export function useQuery(): [URLSearchParams, (change: Change, replace?: boolean) => void] {
  useSearch()
  const [, navigate] = useLocation()
  const text = window.location.search
  const params = useMemo(() => new URLSearchParams(text), [text])
  const change = (values: Change, replace = true) => {
    const next = new URLSearchParams(window.location.search)
    for (const [key, value] of Object.entries(values)) {
      if (value) next.set(key, value)
      else next.delete(key)
    }
    const rest = next.toString()
    const path = window.location.pathname.slice(base.length) || '/'
    navigate(`${path}${rest ? `?${rest}` : ''}`, { replace })
  }
  return [params, change]
}

export function useGo(): (to: string, replace?: boolean) => void {
  const [, navigate] = useLocation()
  return (to, replace = false) => navigate(to, { replace })
}
