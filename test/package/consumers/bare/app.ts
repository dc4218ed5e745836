// Neither Express nor the redis package: their types are not there either.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { login, logout, type RequestWithSession, sessionMiddleware } from 'holdfast'
import { RedisStore } from 'holdfast/redis'

declare module 'holdfast' {
  interface SessionValues {
    views: number
  }
}

const sessions = sessionMiddleware()

function respond(req: IncomingMessage, res: ServerResponse): void {
  const { session } = req as RequestWithSession
  if (req.url === '/login') login(req, 'ada')
  if (req.url === '/logout') logout(req)
  if (req.url !== '/') {
    res.writeHead(302, { location: '/' }).end()
    return
  }
  session.set('views', (session.get('views') ?? 0) + 1)
  // @ts-expect-error -- no such key
  session.get('veiws')
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify({ views: session.get('views'), subject: session.subject }))
}

const server = createServer((req, res) => {
  sessions(req, res, (error) => {
    if (error === undefined) respond(req, res)
    else res.writeHead(500).end()
  })
})
server.listen(0, () => {
  console.log((server.address() as AddressInfo).port)
})
export const store: typeof RedisStore = RedisStore
