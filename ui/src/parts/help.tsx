import { useState } from 'react'
import { keysAreOn, switchKeys } from '../keys'
import { Check } from './controls'
import { Dialog } from './dialog'
import { PAGES } from './rail'

const KEYS: [string, string][] = [
  ['/', 'Search on this page'],
  ['j  k', 'Next, previous row'],
  ['Enter', 'Open the row'],
  ['Esc', 'Close the panel'],
  ['[  ]', 'Previous, next trace'],
  ['r', 'Redrive (asks first)'],
  ['?', 'This help'],
]

export function Help({ close }: { close: () => void }) {
  const [on, setOn] = useState(keysAreOn)
  return (
    <Dialog title="Keyboard" close={close}>
      <dl className="keys">
        <dt><kbd>Ctrl</kbd> <kbd>K</kbd></dt>
        <dd>Go to a page, step, endpoint, queue, or a pasted trace id</dd>
        {KEYS.map(([key, what]) => (
          <div key={key} style={{ display: 'contents' }}>
            <dt>{key.split('  ').map((one) => <span key={one}><kbd>{one}</kbd> </span>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
        {PAGES.map((page) => (
          <div key={page.name} style={{ display: 'contents' }}>
            <dt><kbd>g</kbd> <kbd>{page.key}</kbd></dt>
            <dd>{page.word}</dd>
          </div>
        ))}
      </dl>
      <Check
        checked={on}
        change={(value) => {
          setOn(value)
          switchKeys(value)
        }}
      >
        Keys of one letter are on
      </Check>
    </Dialog>
  )
}
