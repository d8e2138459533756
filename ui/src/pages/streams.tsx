import { useState } from 'react'
import { at as join, query } from '../api'
import { Empty, Shown } from '../parts/answers'
import { Search } from '../parts/controls'
import { Icon } from '../parts/icons'
import { Code, Json } from '../parts/json'
import { Adder, ItemInspector, ItemTable, listed, Names } from '../parts/kept'
import { Page } from '../parts/page'
import { href, useGo, useQuery } from '../route'
import { useCan } from '../session'
import { useResource } from '../store'
import type { Page as Items, Scope, StateItem, StreamSummary } from '../types'
import { itemsOf } from './queues'

const LIVE = ['stream.change', 'event.append']
const EVERY = 2_000
const SNIPPET = 'board = Stream("board", schema=Card)\n\nawait board.set("today", card_id, {"title": "…"})'

export function StreamsPage({ name, group, item }: { name: string | null; group: string | null; item: string | null }) {
  const streams = useResource<Items<StreamSummary> | StreamSummary[]>('streams', { on: LIVE, every: EVERY })
  const [params, change] = useQuery()
  const part = params.get('groups')
  const groups = useResource<Items<Scope>>(name === null ? null : `${join('streams', name)}${query({ limit: 200, cursor: part })}`, { on: LIVE, every: EVERY })
  const [adding, setAdding] = useState(false)
  const [prefix, cursor] = [params.get('prefix'), params.get('cursor')]
  const items = useResource<Items<StateItem>>(name === null || group === null ? null : listed(['streams', name, group], { prefix, cursor }), { on: LIVE, every: EVERY })
  const canEdit = useCan('edit')
  const go = useGo()
  const here = itemsOf(streams.data).find((one) => one.name === name)
  return (
    <Page
      title={name ?? 'Streams'}
      heading={<>Streams{[name, group].filter((part) => part !== null).map((part) => <span key={part} className="row"><span className="mute">›</span><span className="mono clip">{part}</span></span>)}</>}
      tools={group !== null && (
        <>
          <span className="spacer" />
          <Search label="Id begins with" value={prefix ?? ''} change={(text) => change({ prefix: text, cursor: null })} />
          {canEdit && <button type="button" onClick={() => setAdding(true)}><Icon name="plus" size={13} />Add…</button>}
        </>
      )}
      side={name !== null && group !== null && item !== null && <ItemInspector key={`${name} ${group} ${item}`} where={{ path: ['streams', name, group, item], title: item }} on={LIVE} close={() => go(href(['streams', name, group], { prefix, cursor, groups: part }))} />}
    >
      <Shown of={streams} what="Streams">
        {(data) =>
          itemsOf(data).length === 0 ? (
            <Empty title="No streams" icon="streams"><p>A <code>Stream(…)</code> that the app declares is listed here, with what is in it.</p><Code text={SNIPPET} /></Empty>
          ) : (
            <div className="split">
              <Names label="Streams and groups" items={namesOf(itemsOf(data), itemsOf(groups.data), name, group, part)} part={{ next: groups.data?.next ?? null, cursor: part, go: (next) => change({ groups: next }, false) }} />
              <div className="split-main">
                {name === null || group === null ? (
                  <Start stream={here} groups={groups.data} />
                ) : (
                  <Shown of={items} what="The group">
                    {(found) => <ItemTable of={found} chosen={item} word="Id" to={(key) => href(['streams', name, group, key], { prefix, cursor, groups: part })} cursor={cursor} go={(next) => change({ cursor: next }, false)} />}
                  </Shown>
                )}
              </div>
            </div>
          )
        }
      </Shown>
      {adding && name !== null && group !== null && <Adder path={['streams', name, group]} word="Id" close={() => setAdding(false)} />}
    </Page>
  )
}

function Start({ stream, groups }: { stream: StreamSummary | undefined; groups: Items<Scope> | undefined }) {
  if (!stream) return <Empty title="Choose a stream" />
  return (
    <Empty title={groups?.items.length ? 'Choose a group' : 'Nothing in it yet'}>
      {stream.schema !== null && stream.schema !== undefined && <div className="code schema"><Json value={stream.schema} open={2} /></div>}
    </Empty>
  )
}

function namesOf(streams: StreamSummary[], groups: Scope[], name: string | null, group: string | null, part: string | null) {
  return streams.flatMap((stream) => [
    { name: stream.name, note: stream.groups === null ? undefined : String(stream.groups), to: href(['streams', stream.name]), isHere: stream.name === name && group === null },
    ...(stream.name === name ? groups.map((one) => ({ name: one.scope, to: href(['streams', stream.name, one.scope], { groups: part }), isHere: one.scope === group, depth: 1 })) : []),
  ])
}
