import { once } from 'node:events'
import { type IncomingMessage, ServerResponse } from 'node:http'
import express from 'express'
import express4 from 'express4'
import { WebSocket, WebSocketServer } from 'ws'
import { logout, sessionMiddleware } from '../../lib'
import { listen, passTurns, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { collectWarnings } from '../support/warnings'

/** What express-ws does: an upgraded request goes through the app with a response that is made by hand and never sent. */

let warnings: { code: string; message: string }[]
beforeEach(() => {
  warnings = collectWarnings()
})
afterEach(stopApps)

type Pass = (req: IncomingMessage, res: ServerResponse, done: (error?: unknown) => void) => void

const passes: [name: string, through: (sessions: any) => Pass][] = [
  ['by hand', (sessions) => sessions as Pass],
  ...(
    [
      ['Express 5', express],
      ['Express 4', express4],
    ] as const
  ).map(([name, framework]): [string, (sessions: any) => Pass] => [
    name,
    (sessions) => (framework as typeof express)().use(sessions),
  ]),
]

describe.each(passes)('an upgraded request, %s', (_name, through) => {
  async function connect(cookieOf: (sessions: any) => Promise<string>): Promise<{ req: any; manager: any }> {
    const sessions = sessionMiddleware({ store: new ControlledStore() })
    const pass = through(sessions)
    const cookie = await cookieOf(sessions.sessions)
    const { server, port } = await listen((_req, res) => void res.end())
    const sockets = new WebSocketServer({ server })
    const reached = new Promise<any>((resolve, reject) => {
      sockets.on('connection', (_socket, request: IncomingMessage) => {
        const done = (error?: unknown): void => (error instanceof Error ? reject(error) : resolve(request))
        pass(request, new ServerResponse(request), done)
      })
    })
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { Cookie: cookie } })
    await once(client, 'open')
    const req = await reached
    client.terminate()
    return { req, manager: sessions.sessions }
  }

  test('stores each change in the next turn, as no response will end', async () => {
    const { req, manager } = await connect(async (sessions) => `sid=${await sessions.create({ n: 7 })}`)
    const { id } = req.session
    req.session.set('n', 8)
    await passTurns()
    expect(await manager.get(id)).toEqual({ n: 8 })
    req.session.set('n', 9)
    await passTurns()
    expect(await manager.get(id)).toEqual({ n: 9 })
    expect(warnings).toEqual([])
  })

  test('ends the session at a logout', async () => {
    const { req, manager } = await connect(async (sessions) => `sid=${await sessions.users.create('ann', { ip: '' })}`)
    expect(req.session.subject).toBe('ann')
    logout(req)
    await passTurns()
    expect((await manager.users.readAll('ann')).size).toBe(0)
    expect(warnings).toEqual([])
  })

  test('warns when a new session cannot reach the client', async () => {
    const { req } = await connect(async () => 'a=b')
    req.session.set('n', 1)
    await passTurns()
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_COOKIE_AFTER_HEADERS'])
  })
})
