// Follows the group "all" of the stream "orders". EventSource comes back by itself, and goes on where it stopped.
const rows = document.getElementById('orders')
const state = document.getElementById('state')

function show(order) {
  let row = document.getElementById(order.id)
  if (!row) {
    row = rows.insertRow(0)
    row.id = order.id
    for (let cell = 0; cell < 3; cell++) row.insertCell()
  }
  row.dataset.status = order.status
  const texts = [order.id, order.articles, order.status]
  texts.forEach((text, cell) => { row.cells[cell].textContent = text })
}

const events = new EventSource('/__motia/streams/orders/all')
const on = (kind, act) => events.addEventListener(kind, (message) => act(JSON.parse(message.data).event.data))
on('sync', (orders) => {
  rows.replaceChildren()
  orders.forEach(show)
})
on('create', show)
on('update', show)
on('delete', (order) => document.getElementById(order.id)?.remove())
events.addEventListener('open', () => { state.textContent = 'live' })
events.addEventListener('error', () => { state.textContent = 'connecting' })
