import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { quickTypeScript, Visitor } from '../support/example'

let child: ChildProcess | undefined

afterEach(() => void child?.kill('SIGKILL'))

/** The program itself, not below a shell, so that a signal reaches it. */
async function start(path: string): Promise<string> {
  const env = { ...process.env, PORT: '0', API_PORT: '0', PROVIDER_PORT: '0', REDIS_URL: undefined }
  child = spawn(process.execPath, [...quickTypeScript, path], { cwd: join(__dirname, '../..'), env, stdio: 'pipe' })
  let output = ''
  for await (const chunk of child.stdout!) {
    output += String(chunk)
    const url = /^Listening on (http:\S+)$/m.exec(output)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`${path} ended:\n${output}`)
}

async function terminate(): Promise<unknown> {
  const ended = once(child!, 'exit')
  child!.kill('SIGTERM')
  const [status] = (await ended) as [number | null]
  return status
}

/** Leaves a connection open, as a browser does. */
async function openConnection(url: string): Promise<Agent> {
  const agent = new Agent({ keepAlive: true })
  const sent = request(url, { agent }).end()
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  await once(response.resume(), 'end')
  return agent
}

test.each(['quick-start', 'devices', 'passport', 'spa'])('%s ends with status 0 on SIGTERM', async (name) => {
  const agent = await openConnection(await start(`examples/${name}/app.ts`))
  expect(await terminate()).toBe(0)
  agent.destroy()
})

test('chat closes its sockets with 1001 and ends with status 0 on SIGTERM', async () => {
  const url = await start('examples/chat/app.ts')
  const visitor = new Visitor(url)
  await visitor.open('/sign-in')
  await visitor.send('/sign-in', { name: 'Ada' })
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: { cookie } })
  await once(socket, 'message')
  const closed = once(socket, 'close')
  expect(await terminate()).toBe(0)
  expect(await closed).toEqual([1001, expect.anything()])
})
