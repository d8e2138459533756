import { Link } from 'wouter'
import { Empty, Shown } from '../parts/answers'
import { Search } from '../parts/controls'
import { Code } from '../parts/json'
import { Method } from '../parts/marks'
import { Page } from '../parts/page'
import { Tester } from '../parts/tester'
import { grouped } from '../grouped'
import { href, useQuery } from '../route'
import { useResource } from '../store'
import type { Endpoint, Page as Items } from '../types'
import { itemsOf } from './queues'

const SNIPPET = '@step(triggers=[http("POST", "/orders")])\nasync def create_order(req):\n    return {"status": 201, "body": {"id": "o_1"}}'

export function EndpointsPage({ id }: { id: string | null }) {
  const endpoints = useResource<Items<Endpoint> | Endpoint[]>('endpoints', { on: ['registry.changed'] })
  const [params, change] = useQuery()
  const text = (params.get('q') ?? '').toLowerCase()
  const chosen = itemsOf(endpoints.data).find((item) => item.id === id)
  return (
    <Page title={chosen ? `${chosen.method} ${chosen.path}` : 'Endpoints'} heading="Endpoints" tools={<><span className="spacer" /><Search label="Method, path or step" value={params.get('q') ?? ''} change={(q) => change({ q })} /></>}>
      <Shown of={endpoints} what="Endpoints">
        {(data) =>
          itemsOf(data).length === 0 ? (
            <Empty title="No endpoints" icon="endpoints"><p>A step with an <code>http(…)</code> trigger is listed here.</p><Code text={SNIPPET} /></Empty>
          ) : (
            <div className="split">
              <List items={itemsOf(data).filter((item) => `${item.method} ${item.path} ${item.step}`.toLowerCase().includes(text))} chosen={id} q={params.get('q')} />
              <div className="split-main">
                {chosen ? <Tester key={chosen.id} endpoint={chosen} /> : <Empty title={id === null ? 'Choose an endpoint' : 'There is no such endpoint'} icon="endpoints"><p>The request goes to the app itself, with its middleware and your session.</p></Empty>}
              </div>
            </div>
          )
        }
      </Shown>
    </Page>
  )
}

/** Endpoints by their first flow. */
function List({ items, chosen, q }: { items: Endpoint[]; chosen: string | null; q: string | null }) {
  const groups = grouped(items, (item) => item.flows[0] ?? '')
  return (
    <nav className="names wide" aria-label="Endpoints">
      {[...groups].map(([flow, members]) => (
        <div key={flow}>
          <h2>{flow || 'No flow'}</h2>
          {members.map((item) => (
            <Link key={item.id} data-row href={href(['endpoints', item.id], { q })} aria-current={item.id === chosen ? 'page' : undefined} title={item.summary ?? item.step}>
              <Method name={item.method} />
              <span className="clip mono">{item.path}</span>
            </Link>
          ))}
        </div>
      ))}
      {!items.length && <p className="mute">Nothing matches.</p>}
    </nav>
  )
}
