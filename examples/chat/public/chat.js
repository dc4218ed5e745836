// The page's side of the chat. What others say is text, and never becomes markup.
const find = (selector) => document.querySelector(selector)
const state = find('[data-state]')
const messages = find('[data-messages]')
const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`)

function tell(text, problem) {
  state.textContent = text
  state.classList.toggle('message-problem', problem)
  state.hidden = false
}

function show({ from, text }) {
  const item = document.createElement('li')
  const name = document.createElement('strong')
  name.textContent = from
  item.append(name, ' ', text)
  messages.append(item)
  item.scrollIntoView({ block: 'nearest' })
}

socket.addEventListener('message', ({ data }) => {
  const news = JSON.parse(data)
  if (news.text !== undefined) show(news)
  else if (news.name !== undefined) {
    const shown = find('[data-name]')
    if (shown.textContent !== news.name) tell(`You are ${news.name} now.`, false)
    shown.textContent = news.name
    find('#name').value = news.name
  }
})

socket.addEventListener('close', ({ code }) => {
  for (const control of document.querySelectorAll('[data-say] *, [data-rename] *')) control.disabled = true
  tell(code === 4401 ? 'You are signed out. Reload the page to sign in again.' : 'The connection was lost. Reload the page.', true)
  document.body.dataset.closed = String(code)
})

for (const [selector, key] of [
  ['[data-say]', 'say'],
  ['[data-rename]', 'name'],
]) {
  find(selector).addEventListener('submit', (event) => {
    event.preventDefault()
    const field = event.target.elements[key]
    socket.send(JSON.stringify({ [key]: field.value }))
    if (key === 'say') field.value = ''
  })
}
