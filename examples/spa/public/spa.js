// The page: a sign-in form or the notes of the user, as the API says. What people typed is text, and never becomes markup.
import { ApiError, call } from './api.js'

const find = (name) => document.querySelector(`[data-${name}]`)
const [state, problem, signInForm, notes, addForm, list] = [
  'state',
  'problem',
  'sign-in',
  'notes',
  'add',
  'list',
].map(find)

let user

/** Shows the notes, or the form when no user is signed in. `notice` says why. */
function show(name, notice) {
  // Another user must not find what this one typed and did not add.
  if (name !== undefined && user !== undefined && name !== user) addForm.reset()
  user = name ?? user
  const signedIn = name !== undefined
  find('account').hidden = !signedIn
  notes.hidden = !signedIn
  signInForm.hidden = signedIn
  find('name').textContent = name ?? ''
  document.title = signedIn ? 'Your notes · holdfast' : 'Sign in · holdfast'
  say(notice)
  if (signedIn) return
  signInForm.elements.password.value = ''
  fail(undefined)
  list.replaceChildren()
}

function say(text, isProblem = false) {
  state.textContent = text ?? ''
  state.classList.toggle('message-problem', isProblem)
  state.hidden = text === undefined
}

/**
 * Runs what a person asked for. A 401 is the end of the session: the form is shown, and what was typed stays in its field.
 * A 503, or no response, changes nothing: the person is still signed in, and can try again.
 */
async function attempt(action) {
  try {
    await action()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    if (error.status === 401) {
      show(undefined, 'Your session has ended. Sign in to go on.')
      signInForm.elements.name.focus()
    } else if (error.status === 0 || error.status >= 500) {
      say('We cannot reach the server. Nothing was changed: please try again in a moment.', true)
    } else say('That did not work. Reload the page and try again.', true)
  }
}

async function showNotes() {
  const all = await call('GET', '/notes')
  list.replaceChildren(...all.map(noteItem))
  list.hidden = all.length === 0
  find('empty').hidden = all.length > 0
}

function noteItem({ id, text }) {
  const item = document.createElement('li')
  const body = document.createElement('span')
  const remove = document.createElement('button')
  const what = document.createElement('span')
  body.textContent = text
  what.className = 'visually-hidden'
  what.textContent = ` ${text}`
  remove.className = 'button button-quiet'
  remove.type = 'button'
  remove.append('Remove', what)
  remove.addEventListener('click', () =>
    attempt(async () => {
      await call('DELETE', `/notes/${encodeURIComponent(id)}`)
      await showNotes()
      say('The note is removed.')
      // The button that had the focus is no longer in the page.
      addForm.elements.text.focus()
    }),
  )
  item.append(body, remove)
  return item
}

addForm.addEventListener('submit', (event) => {
  event.preventDefault()
  const field = addForm.elements.text
  void attempt(async () => {
    await call('POST', '/notes', { text: field.value })
    field.value = ''
    say('The note is added.')
    await showNotes()
  })
})

signInForm.addEventListener('submit', (event) => {
  event.preventDefault()
  const { name, password } = signInForm.elements
  void attempt(async () => {
    try {
      const { name: signedIn } = await call('POST', '/session', { name: name.value, password: password.value })
      show(signedIn, `Welcome, ${signedIn}.`)
    } catch (error) {
      if (error.status !== 422) throw error
      fail('That name and password are not right.')
      return
    }
    // At once, and not when the notes have come: by then a person may be typing.
    find('title').focus()
    await showNotes()
  })
})

/** Says why a sign-in failed. The name stays; the password is asked for again. */
function fail(text) {
  problem.textContent = text ?? ''
  problem.hidden = text === undefined
  const { password } = signInForm.elements
  password.setAttribute('aria-describedby', text === undefined ? 'hint' : 'problem hint')
  if (text === undefined) {
    password.removeAttribute('aria-invalid')
    return
  }
  password.setAttribute('aria-invalid', 'true')
  password.select()
}

find('sign-out').addEventListener('click', () =>
  attempt(async () => {
    await call('DELETE', '/session')
    addForm.reset()
    show(undefined, 'You are signed out.')
    signInForm.elements.name.focus()
  }),
)

find('elsewhere').addEventListener('click', () =>
  attempt(async () => {
    const { ended } = await call('DELETE', '/other-sessions')
    say(ended === 0 ? 'You were signed in only here.' : `Signed out in ${ended} other place${ended === 1 ? '' : 's'}.`)
  }),
)

/** Asks the API whose session this is: when the page opens, and when its tab is shown again. */
const refresh = () =>
  attempt(async () => {
    try {
      const { name } = await call('GET', '/me')
      if (name !== user || notes.hidden) show(name)
      await showNotes()
    } catch (error) {
      // A visitor who was never signed in has lost nothing.
      if (error.status !== 401 || user !== undefined) throw error
      show(undefined)
    }
  })

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && !notes.hidden) void refresh()
})
void refresh()
