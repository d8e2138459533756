// What the tests of all three clients do: follow a group, one of its items and a private group, and tell what they see.
export function follow(stream, tell) {
  const group = stream.subscribeGroup('board', 'g')
  group.addChangeListener((state) => tell({ what: 'group', state }))
  group.onEvent('typing', (data) => tell({ what: 'typing', data }))
  const item = stream.subscribeItem('board', 'g', 'a')
  item.addChangeListener((state) => tell({ what: 'item', state }))
  item.onEvent('seen', (data) => tell({ what: 'seen', data }))
  const closed = stream.subscribeGroup('board', 'private')
  closed.addChangeListener((state) => tell({ what: 'private', state }))
  closed.onEvent('error', (data) => tell({ what: 'error', data }))
  return { group, item, closed }
}
