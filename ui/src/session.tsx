import { createContext, useContext } from 'react'
import type { Right, Session } from './types'

export const SessionContext = createContext<Session | null>(null)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('expected a session above this part of the page')
  return session
}

/** Whether a button is offered; the server checks again. */
export const useCan = (right: Right): boolean => useSession().can.includes(right)
