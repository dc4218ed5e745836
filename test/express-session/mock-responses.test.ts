import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import express from 'express'
import express4 from 'express4'
import { bothSessions, usualOptions } from '../support/express-session-app'

/** What tests make of a response, without its constructor. */
const bases: [string, object][] = [
  ['http.ServerResponse.prototype', ServerResponse.prototype],
  ['express.response', express.response],
  ["Express 4's express.response", express4.response],
]

describe.each(bothSessions)('%s, with a response that was made by Object.create', (_name, session) => {
  async function start(res: object): Promise<{ req: any; store: any }> {
    const store = new session.MemoryStore()
    const handler = session({ ...usualOptions, store })
    const req: any = Object.assign(new IncomingMessage(new Socket()), { url: '/' })
    const error = await new Promise((resolve) => handler(req, res, resolve))
    expect(error).toBeUndefined()
    return { req, store }
  }

  test.each(bases)('of %s attaches a session that can be changed', async (_base, base) => {
    const { req } = await start(Object.create(base))
    req.session.user = 'ann'
    expect({ ...req.session, cookie: undefined }).toEqual({ user: 'ann' })
  })

  test.each(bases)('of %s, with methods of the test on it, stores the session at its end', async (_base, base) => {
    const headers = new Map<string, unknown>()
    const res = Object.assign(Object.create(base), {
      setHeader: (name: string, value: unknown) => void headers.set(name.toLowerCase(), value),
      getHeader: (name: string) => headers.get(name.toLowerCase()),
      writeHead: () => res,
    })
    const ended = new Promise((resolve) => (res.end = resolve))
    const { req, store } = await start(res)
    req.session.user = 'ann'
    res.end()
    await ended
    const [stored] = Object.values<string>(store.sessions)
    expect(JSON.parse(stored ?? 'null')).toMatchObject({ user: 'ann' })
    expect(String(headers.get('set-cookie'))).toMatch(/^connect\.sid=/)
  })
})
