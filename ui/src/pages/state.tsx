import { useState } from 'react'
import { query } from '../api'
import { Empty, Shown } from '../parts/answers'
import { Search } from '../parts/controls'
import { Icon } from '../parts/icons'
import { Code } from '../parts/json'
import { Adder, ItemInspector, ItemTable, listed, Names } from '../parts/kept'
import { Page } from '../parts/page'
import { href, useGo, useQuery } from '../route'
import { useCan } from '../session'
import { useResource } from '../store'
import type { Page as Items, Scope, StateItem } from '../types'

const LIVE = ['state.change', 'event.append']
const EVERY = 3_000
const SNIPPET = 'await ctx.state.set("orders", order_id, {"status": "new"})'

export function StatePage({ scope, item }: { scope: string | null; item: string | null }) {
  const [params, change] = useQuery()
  const groups = params.get('groups')
  const scopes = useResource<Items<Scope>>(`state${query({ limit: 200, cursor: groups })}`, { on: LIVE, every: EVERY })
  const [adding, setAdding] = useState(false)
  const [prefix, cursor] = [params.get('prefix'), params.get('cursor')]
  const items = useResource<Items<StateItem>>(scope === null ? null : listed(['state', scope], { prefix, cursor }), { on: LIVE, every: EVERY })
  const canEdit = useCan('edit')
  const go = useGo()
  return (
    <Page
      title={scope ?? 'State'}
      heading={<>State{scope !== null && <><span className="mute">›</span><span className="mono clip">{scope}</span></>}</>}
      tools={scope !== null && (
        <>
          <span className="spacer" />
          <Search label="Key begins with" value={prefix ?? ''} change={(text) => change({ prefix: text, cursor: null })} />
          {canEdit && <button type="button" onClick={() => setAdding(true)}><Icon name="plus" size={13} />Add…</button>}
        </>
      )}
      side={scope !== null && item !== null && <ItemInspector key={`${scope} ${item}`} where={{ path: ['state', scope, item], title: item }} on={LIVE} close={() => go(href(['state', scope], { prefix, cursor, groups }))} />}
    >
      <Shown of={scopes} what="State">
        {(data) =>
          data.items.length === 0 && groups === null && data.next === null ? (
            <Empty title="No state yet" icon="state"><p>What steps keep is listed here, by group and key.</p><Code text={SNIPPET} /></Empty>
          ) : (
            <div className="split">
              <Names label="Groups" items={data.items.map((one) => ({ name: one.scope, note: one.count === null ? undefined : String(one.count), to: href(['state', one.scope], { groups }), isHere: one.scope === scope }))} part={{ next: data.next, cursor: groups, go: (next) => change({ groups: next }, false) }} />
              <div className="split-main">
                {scope === null ? <Empty title="Choose a group" /> : (
                  <Shown of={items} what="The group">
                    {(found) => <ItemTable of={found} chosen={item} word="Key" to={(key) => href(['state', scope, key], { prefix, cursor, groups })} cursor={cursor} go={(next) => change({ cursor: next }, false)} />}
                  </Shown>
                )}
              </div>
            </div>
          )
        }
      </Shown>
      {adding && scope !== null && <Adder path={['state', scope]} word="Key" close={() => setAdding(false)} />}
    </Page>
  )
}
