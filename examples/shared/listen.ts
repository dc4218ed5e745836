import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Closing, shutDownOnSignals } from './shut-down'

export interface ListenOptions {
  /** What is closed after the server, in this order, when a signal ends the program. */
  readonly close?: readonly Closing[]
  /** Ends what keeps the server open for ever, such as WebSockets. */
  readonly endConnections?: Closing
  /** The environment variable that sets the port. Default `PORT`. */
  readonly variable?: string
  readonly defaultPort?: number
  /** Gets the address. Default: prints it in one line. */
  readonly onListening?: (url: string) => void
}

/** Serves an app on `PORT`, or 3000, and says where in one line; when it cannot, it says why in one line. */
export function listen(app: RequestListener, options: ListenOptions = {}): Server {
  return listenOn(createServer(app), options)
}

/** As `listen`, for a server that does more than respond to requests. */
export function listenOn(server: Server, options: ListenOptions = {}): Server {
  const { close = [], endConnections, variable = 'PORT', defaultPort = 3000, onListening = announce } = options
  const port = portFromEnvironment(variable, defaultPort)
  server.once('error', (error: NodeJS.ErrnoException) => refuse(reasonOf(error, port, variable)))
  shutDownOnSignals(server, close, endConnections)
  server.listen(port, () => onListening(`http://localhost:${(server.address() as AddressInfo).port}`))
  return server
}

function announce(url: string): void {
  console.log(`Listening on ${url}`)
}

function portFromEnvironment(variable: string, defaultPort: number): number {
  const text = process.env[variable] ?? ''
  const port = text === '' ? defaultPort : Number(text)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  refuse(`${variable} is '${text}'; it accepts a number from 0 to 65535`)
}

function reasonOf({ code, message }: NodeJS.ErrnoException, port: number, variable: string): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} is in use: stop what uses it, or set another one, as in ${variable}=${port + 1} npm start`
  }
  if (code === 'EACCES') {
    return `Port ${port} is not for this user: set one above 1023, as in ${variable}=3000 npm start`
  }
  return message
}

function refuse(reason: string): never {
  console.error(reason)
  process.exit(1)
}
