// The page's side of the chat. What others say is text, and never becomes markup.
const find = (selector) => document.querySelector(selector)
const [state, log, messages, sayField, sendButton] = ['state', 'log', 'messages', 'say-field', 'send'].map((name) =>
  find(`[data-${name}]`),
)
const time = new Intl.DateTimeFormat([], { timeStyle: 'short' })

/** The server is away for a moment (1001, 1006, 1012), or asks the client to come again (1013). */
const temporaryCodes = new Set([1001, 1006, 1012, 1013])
const longestWait = 15_000

let socket
let failures = 0

function connect() {
  socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`)
  socket.addEventListener('message', ({ data }) => receive(JSON.parse(data)))
  socket.addEventListener('close', ({ code, reason }) => {
    sendButton.disabled = true
    // `replaced`: the session has a new id, and the browser has its cookie already or gets it with a response now.
    if (temporaryCodes.has(code) || (code === 4401 && reason === 'replaced')) reconnect()
    else end(code)
  })
}

/** Waits longer after each failure, for a time that differs from page to page, so that not all connect at once. */
function reconnect() {
  const wait = Math.min(longestWait, 500 * 2 ** failures)
  failures += 1
  showState('The connection was lost. Connecting again …', true)
  setTimeout(connect, wait / 2 + (Math.random() * wait) / 2)
}

function end(code) {
  showState(code === 4401 ? 'You are signed out. Reload the page to sign in again.' : 'The chat has stopped.', true)
  const reload = document.createElement('button')
  reload.className = 'button'
  reload.textContent = 'Reload'
  reload.addEventListener('click', () => location.reload())
  state.after(reload)
  // A "Sign out" without a session is refused. What was typed stays readable, to be copied.
  for (const form of document.querySelectorAll('[data-account], [data-rename]')) form.hidden = true
  sayField.readOnly = true
  document.body.dataset.closed = String(code)
  reload.focus()
}

function receive({ text, name, ...message }) {
  if (text !== undefined) showMessage({ text, ...message })
  else if (name !== undefined) {
    if (failures > 0) showState('Connected again.', false)
    failures = 0
    sendButton.disabled = false
    showName(name)
  }
}

function showState(text, problem) {
  state.textContent = text
  state.classList.toggle('message-problem', problem)
  state.hidden = false
}

function showName(name) {
  const shown = find('[data-name]')
  if (shown.textContent === name) return
  shown.textContent = name
  find('#name').value = name
  showState(`You are ${name} now.`, false)
}

function showMessage({ from, text, at, own }) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40
  const item = document.createElement('li')
  const head = document.createElement('p')
  const name = document.createElement('strong')
  const when = document.createElement('time')
  const body = document.createElement('p')
  item.className = own ? 'chat-message chat-message-own' : 'chat-message'
  head.className = 'chat-message-head'
  name.textContent = own ? 'You' : from
  when.dateTime = new Date(at).toISOString()
  when.textContent = time.format(at)
  body.textContent = text
  head.append(name, ' ', when)
  item.append(head, body)
  messages.append(item)
  find('[data-empty]').hidden = true
  // A reader who has scrolled up to earlier messages stays there.
  if (own || isAtEnd) log.scrollTop = log.scrollHeight
}

for (const [selector, key] of [
  ['[data-say]', 'say'],
  ['[data-rename]', 'name'],
]) {
  find(selector).addEventListener('submit', (event) => {
    event.preventDefault()
    if (socket.readyState !== WebSocket.OPEN) return
    const field = event.target.elements[key]
    socket.send(JSON.stringify({ [key]: field.value }))
    if (key === 'say') field.value = ''
  })
}

connect()
