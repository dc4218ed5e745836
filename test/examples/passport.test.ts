import { type RunningExample, startExample, Visitor } from '../support/example'

let example: RunningExample

beforeAll(async () => {
  example = await startExample(['npx', 'tsx', 'examples/passport/app.ts'])
}, 60_000)

afterAll(() => example.stop())

async function signedIn(): Promise<Visitor> {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  await visitor.send('/sign-in', { name: 'ada', password: 'hold fast' })
  expect(visitor.text).toContain('Your devices, ada')
  return visitor
}

const actions = ({ text }: Visitor) => [...text.matchAll(/action="(\/devices\/[^"]+)"/g)].map(([, path = '']) => path)

test('passport signs in with a new id, and a wrong password signs nobody in', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  const before = visitor.cookies.get('connect.sid')
  await visitor.send('/sign-in', { name: 'ada', password: 'guess' })
  expect(visitor.text).toContain('That did not match.')
  await visitor.send('/sign-in', { name: 'ada', password: 'hold fast' })
  expect(visitor.text).toContain('Your devices, ada')
  expect(visitor.cookies.get('connect.sid')).not.toBe(before)
  await visitor.send('/sign-out')
  expect(visitor.text).toContain('Sign in')
  expect(visitor.text).not.toContain('Your devices')
})

test('a device that another one signs out is signed out, and no other', async () => {
  const first = await signedIn()
  const own = actions(first)
  const second = await signedIn()
  expect([own.length, actions(second).length]).toEqual([1, 2])
  await second.send(own[0]!)
  expect(actions(second)).toHaveLength(1)
  expect(await first.open('/')).not.toContain('Your devices')
  expect(await second.open('/')).toContain('Your devices')
})

test('a form without its token is refused', async () => {
  const visitor = await signedIn()
  await visitor.send('/sign-out', { csrfToken: '' })
  expect(visitor.status).toBe(403)
  expect(await visitor.open('/')).toContain('Your devices')
})
