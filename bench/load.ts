import { connect, type Socket } from 'node:net'

/** One client: its place in the load, and the cookies that it was given. */
export interface Visitor {
  cookie: string
}

const connections = 32

/**
 * Asks for `path` as often as `count` says, over keep-alive connections of which each waits for its answer before it asks
 * again: each time as the next visitor. Throws for any answer but 200.
 */
export async function sendRequests(
  port: number,
  path: string,
  visitors: readonly Visitor[],
  count: number,
): Promise<void> {
  let sent = 0
  const next = (): Visitor | undefined => (sent < count ? visitors[sent++ % visitors.length] : undefined)
  await Promise.all(Array.from({ length: Math.min(connections, count) }, () => talk(port, path, next)))
}

/** As many visitors as asked for, each with the cookies that `path` gave it. */
export async function receiveVisitors(port: number, path: string, count: number): Promise<Visitor[]> {
  const visitors = Array.from({ length: count }, () => ({ cookie: '' }))
  await sendRequests(port, path, visitors, count)
  if (visitors.some(({ cookie }) => cookie === '')) throw new Error(`${path} gave no cookie`)
  return visitors
}

function talk(port: number, path: string, next: () => Visitor | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let visitor: Visitor | undefined
    let received = ''
    const ask = (): void => {
      visitor = next()
      if (visitor === undefined) {
        socket.end(resolve)
        return
      }
      write(socket, path, visitor)
    }
    socket.setEncoding('latin1')
    socket.once('connect', ask).once('error', reject)
    socket.on('data', (chunk: string) => {
      received += chunk
      const end = endOfAnswer(received)
      if (end === undefined) return
      const head = received.slice(0, received.indexOf('\r\n\r\n'))
      received = received.slice(end)
      if (!head.startsWith('HTTP/1.1 200 ')) {
        reject(new Error(`${path} was answered with ${head}`))
        socket.destroy()
        return
      }
      if (visitor?.cookie === '') visitor.cookie = cookiesIn(head)
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

/** Where an answer of known length ends, once all of it is there. */
function endOfAnswer(received: string): number | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1]
  if (length === undefined) throw new Error('an answer without a Content-Length')
  const end = headEnd + '\r\n\r\n'.length + Number(length)
  return received.length < end ? undefined : end
}

function cookiesIn(head: string): string {
  return [...head.matchAll(/\r\nset-cookie: ([^;\r]+)/gi)].map(([, pair]) => pair).join('; ')
}
