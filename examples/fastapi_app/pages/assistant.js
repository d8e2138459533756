// Reads the answer of its own question as it comes, and follows the whole chat beside that.
const chatId = new URLSearchParams(location.search).get('chat') ?? 'lobby'
const list = document.getElementById('chat')
const answer = document.getElementById('answer')

function show(message) {
  let line = document.getElementById(message.id)
  if (!line) {
    line = list.appendChild(document.createElement('li'))
    line.id = message.id
  }
  line.className = message.done ? message.role : `${message.role} growing`
  line.textContent = message.text
}

const events = new EventSource(`/__motia/streams/chat/${encodeURIComponent(chatId)}`)
const on = (kind, act) => events.addEventListener(kind, (message) => act(JSON.parse(message.data).event.data))
on('sync', (messages) => {
  list.replaceChildren()
  messages.forEach(show)
})
on('create', show)
on('update', show)

document.getElementById('ask').addEventListener('submit', async (event) => {
  event.preventDefault()
  const text = document.getElementById('question').value
  answer.textContent = ''
  const response = await fetch(`/chats/${encodeURIComponent(chatId)}/questions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  })
  const decoder = new TextDecoder()
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read()
    if (done) break
    answer.textContent += decoder.decode(value, { stream: true })
  }
})
