import { io, type Socket } from 'socket.io-client'
import { type RunningExample, startExample } from '../support/example'

let example: RunningExample
const sockets: Socket[] = []

beforeAll(async () => {
  example = await startExample(['npx', 'tsx', 'examples/socket-io/app.ts'])
}, 30_000)
afterAll(async () => {
  for (const socket of sockets) socket.close()
  await example.stop()
})

async function post(path: string, cookie?: string): Promise<string> {
  const response = await fetch(example.url + path, { method: 'POST', headers: cookie === undefined ? {} : { cookie } })
  expect(response.status).toBe(200)
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

function open(cookie: string | undefined, transport: 'websocket' | 'polling'): Socket {
  const socket = io(example.url, {
    forceNew: true,
    transports: [transport],
    extraHeaders: cookie === undefined ? {} : { cookie },
  })
  sockets.push(socket)
  return socket
}

const nextEvent = (socket: Socket, event: string) =>
  new Promise<unknown>((resolve) => socket.once(event as 'color', resolve))

test.each(['websocket', 'polling'] as const)(
  'a socket follows its session on %s, and is disconnected when that ends',
  async (transport) => {
    const cookie = await post('/sign-in/ada')
    await post('/color/red', cookie)
    const one = open(cookie, transport)
    const other = open(cookie, transport)
    expect(await Promise.all([nextEvent(one, 'color'), nextEvent(other, 'color')])).toEqual(['red', 'red'])

    const changedByHttp = nextEvent(one, 'color')
    await post('/color/teal', cookie)
    expect(await changedByHttp).toBe('teal')

    const changedBySocket = new Promise<void>((resolve) => {
      other.on('color', (color: unknown) => {
        if (color === 'gold') resolve()
      })
    })
    one.emit('color', 'gold')
    await changedBySocket

    const disconnected = Promise.all([nextEvent(one, 'disconnect'), nextEvent(other, 'disconnect')])
    await post('/sign-out', cookie)
    expect(await disconnected).toEqual(['io server disconnect', 'io server disconnect'])
  },
)

test('without a session there is no socket', async () => {
  expect(await nextEvent(open(undefined, 'websocket'), 'disconnect')).toBe('io server disconnect')
})

test('the root says what there is to try', async () => {
  const response = await fetch(example.url)
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('/sign-in/ada')])
})

test('a color is refused when the session is not logged in', async () => {
  const response = await fetch(`${example.url}/color/red`, { method: 'POST' })
  expect([response.status, await response.json()]).toEqual([401, { error: 'LOGIN_REQUIRED' }])
})
