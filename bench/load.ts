import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

/** One client: its place in the load, and the cookies that it was given. */
export interface Visitor {
  cookie: string
}

/** How requests follow each other. */
export interface Pace {
  readonly connections?: number
  /** When the next request is due, in milliseconds of `performance.now`; at once if that is past; undefined: no more. */
  readonly pace?: () => number | undefined
  /** Called when the request that was due then has its whole response. */
  readonly onResponse?: (due: number) => void
}

interface Request {
  readonly visitor: Visitor
  readonly due: number
}

/**
 * Requests `path` as often as `count` says, over keep-alive connections of which each waits for its response before it
 * sends the next request: each time as the next visitor. Throws for any status but 200.
 */
export async function sendRequests(
  port: number,
  path: string,
  visitors: readonly Visitor[],
  count: number,
  { connections = 32, pace = () => 0, onResponse }: Pace = {},
): Promise<void> {
  let sent = 0
  const next = (): Request | undefined => {
    const due = sent < count ? pace() : undefined
    const visitor = visitors[sent++ % visitors.length]
    return due === undefined || visitor === undefined ? undefined : { visitor, due }
  }
  await Promise.all(Array.from({ length: Math.min(connections, count) }, () => talk(port, path, next, onResponse)))
}

/** As many visitors as asked for, each with the cookies that `path` gave it. */
export async function receiveVisitors(port: number, path: string, count: number): Promise<Visitor[]> {
  const visitors = Array.from({ length: count }, () => ({ cookie: '' }))
  await sendRequests(port, path, visitors, count)
  if (visitors.some(({ cookie }) => cookie === '')) throw new Error(`${path} gave no cookie`)
  return visitors
}

function talk(
  port: number,
  path: string,
  next: () => Request | undefined,
  onResponse?: (due: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let request: Request | undefined
    let received = ''
    const send = (): void => {
      if (request !== undefined) write(socket, path, request.visitor)
    }
    const ask = (): void => {
      request = next()
      if (request === undefined) {
        socket.end(resolve)
        return
      }
      const early = request.due - performance.now()
      if (early > 0) setTimeout(send, early)
      else send()
    }
    socket.setEncoding('latin1')
    socket.once('connect', ask).once('error', reject)
    socket.on('data', (chunk: string) => {
      received += chunk
      const end = endOfResponse(received)
      if (end === undefined) return
      const head = received.slice(0, received.indexOf('\r\n\r\n'))
      received = received.slice(end)
      if (!head.startsWith('HTTP/1.1 200 ')) {
        reject(new Error(`${path} got the response ${head}`))
        socket.destroy()
        return
      }
      if (request?.visitor.cookie === '') request.visitor.cookie = cookiesIn(head)
      if (request !== undefined) onResponse?.(request.due)
      ask()
    })
  })
}

function write(socket: Socket, path: string, { cookie }: Visitor): void {
  const line = cookie === '' ? '' : `Cookie: ${cookie}\r\n`
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip, br\r\n${line}\r\n`,
  )
}

/** Where a response of known length ends, once all of it is there. */
function endOfResponse(received: string): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1]
  if (length === undefined) throw new Error('a response without a Content-Length')
  const end = headEnd + '\r\n\r\n'.length + Number(length)
  return received.length < end ? undefined : end
}

function cookiesIn(head: string): string {
  return [...head.matchAll(/\r\nset-cookie: ([^;\r]+)/gi)].map(([, pair]) => pair).join('; ')
}
