import type { Field } from '../schema'
import { Icon } from './icons'

type Pair = [string, string]

/** Names and values, such as a query or headers. */
export function Pairs({ label, pairs, change, known }: { label: string; pairs: Pair[]; change: (pairs: Pair[]) => void; known: Field[] }) {
  const put = (place: number, pair: Pair) => change(pairs.map((one, index) => (index === place ? pair : one)))
  const left = known.filter((field) => !pairs.some(([name]) => name === field.name))
  return (
    <fieldset className="pairs">
      <legend>{label}</legend>
      {pairs.map(([name, value], index) => (
        <div key={index} className="row">
          <input aria-label={`${label}: name`} placeholder="name" value={name} onChange={(event) => put(index, [event.target.value, value])} />
          <input className="grow" aria-label={`${label}: value of ${name}`} placeholder="value" value={value} onChange={(event) => put(index, [name, event.target.value])} />
          <button type="button" className="icon-button" aria-label={`Remove ${name || 'it'}`} onClick={() => change(pairs.filter((_, place) => place !== index))}>
            <Icon name="close" size={13} />
          </button>
        </div>
      ))}
      <div className="row">
        {left.map((field) => <button key={field.name} type="button" className="chip" title={field.description ?? undefined} onClick={() => change([...pairs, [field.name, '']])}>+ {field.name}</button>)}
        <button type="button" className="chip" onClick={() => change([...pairs, ['', '']])}>+ {label === 'Headers' ? 'header' : 'parameter'}</button>
      </div>
    </fieldset>
  )
}
