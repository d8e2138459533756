import { useEffect, useRef, type FormEvent, type ReactNode } from 'react'
import { Icon } from './icons'

/** The browser's own dialog: it keeps the focus inside, and Escape closes it. */
export function Dialog(props: {
  title: string
  close: () => void
  children: ReactNode
  foot?: ReactNode
  submit?: () => void
  wide?: boolean
}) {
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = ref.current
    if (dialog && !dialog.open) dialog.showModal()
    return () => dialog?.close()
  }, [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    props.submit?.()
  }
  return (
    <dialog
      ref={ref}
      className={props.wide ? 'dialog dialog-wide' : 'dialog'}
      aria-label={props.title}
      onCancel={(event) => {
        event.preventDefault()
        props.close()
      }}
      onClick={(event) => event.target === ref.current && props.close()}
    >
      <form onSubmit={submit}>
        <header>
          <h2>{props.title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={props.close}>
            <Icon name="close" />
          </button>
        </header>
        <div className="dialog-body">{props.children}</div>
        {props.foot && <footer>{props.foot}</footer>}
      </form>
    </dialog>
  )
}
