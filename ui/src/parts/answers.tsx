import type { ReactNode } from 'react'
import type { ApiError } from '../api'
import { clock } from '../format'
import type { Resource } from '../store'
import { Icon } from './icons'

/** A failed request says so, and offers another try. */
export function Failure({ error, retry, what }: { error: ApiError; retry?: () => void; what?: string }) {
  return (
    <div className="failure" role="alert">
      <Icon name="warn" />
      <div>
        <strong>{what ? `${what}: ${error.title}` : error.title}</strong>
        {error.detail && error.detail !== error.title && <p>{error.detail}</p>}
        {error.status > 0 && <p className="mute">HTTP {error.status}{error.code ? ` · ${error.code}` : ''}</p>}
      </div>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** What a resource holds; what it could not get; and of what is old, how old it is. */
export function Shown<T>({ of, children, what }: { of: Resource<T>; children: (data: T) => ReactNode; what?: string }) {
  if (of.data === undefined) {
    if (of.error) return <Failure error={of.error} retry={of.reload} what={what} />
    return <div className="waiting" role="status" aria-label="Loading"><i /><i /><i /></div>
  }
  if (!of.error) return <>{children(of.data)}</>
  return (
    <>
      <div className="old" role="alert">
        <Icon name="warn" />
        <span>
          Could not be refreshed: {of.error.message} What follows was read at {of.at === null ? '—' : clock(of.at)}.
        </span>
        <button type="button" onClick={of.reload}>
          Try again
        </button>
      </div>
      <div className="dimmed">{children(of.data)}</div>
    </>
  )
}

export function Empty({ title, children, icon }: { title: string; children?: ReactNode; icon?: string }) {
  return (
    <div className="empty">
      {icon && <Icon name={icon} size={22} />}
      <h2>{title}</h2>
      {children}
    </div>
  )
}
