import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Serves an app on `PORT`, or 3000, and says where in one line; when it cannot, it says why in one line. */
export function listen(app: RequestListener, defaultPort = 3000): Server {
  return listenOn(createServer(app), defaultPort)
}

/** As `listen`, for a server that does more than answer requests. */
export function listenOn(server: Server, defaultPort = 3000): Server {
  const port = portFromEnvironment(defaultPort)
  server.once('error', (error: NodeJS.ErrnoException) => refuse(reasonOf(error, port)))
  server.listen(port, () => {
    console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`)
  })
  return server
}

function portFromEnvironment(defaultPort: number): number {
  const text = process.env['PORT'] ?? ''
  const port = text === '' ? defaultPort : Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  refuse(`PORT is '${text}'; it accepts a number from 0 to 65535`)
}

function reasonOf({ code, message }: NodeJS.ErrnoException, port: number): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} is in use: stop what uses it, or set another one, as in PORT=${port + 1} npm start`
  }
  if (code === 'EACCES') return `Port ${port} is not for this user: set one above 1023, as in PORT=3000 npm start`
  return message
}

function refuse(reason: string): never {
  console.error(reason)
  process.exit(1)
}
