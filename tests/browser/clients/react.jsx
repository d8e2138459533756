import React, { useState } from 'react'
import { createRoot } from 'react-dom/client'
import { MotiaStreamProvider, useStreamEventHandler, useStreamGroup, useStreamItem } from '@motiadev/stream-client-react'

const protocols = ['Authorization', 'secret']

function Board() {
  const { data, event } = useStreamGroup({ streamName: 'board', groupId: 'g', sortKey: 'title' })
  const item = useStreamItem({ streamName: 'board', groupId: 'g', id: 'a' })
  const mine = useStreamGroup({ streamName: 'board', groupId: 'private' })
  const [typing, setTyping] = useState('')
  useStreamEventHandler({ event, type: 'typing', listener: (who) => setTyping(who) }, [])
  return (
    <>
      <ul>{data.map(({ id, title }) => <li key={id}>{title}</li>)}</ul>
      <p id="item">{item.data ? item.data.title : 'none'}</p>
      <p id="typing">{typing}</p>
      <p id="private">{mine.data.length}</p>
    </>
  )
}

createRoot(document.getElementById('root')).render(
  <MotiaStreamProvider address={`ws://${location.host}/__motia/streams`} protocols={protocols}>
    <Board />
  </MotiaStreamProvider>,
)
