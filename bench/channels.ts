import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { Report } from './report'
import { median } from './rounds'

const channels = 5000
const changes = 500

interface Memory {
  readonly heap: number
  readonly rss: number
  readonly open: number
}

/** What 5 000 open channels on one process cost in memory, beside bare sockets, and how soon they learn of a change. */
export async function run(report: Report): Promise<void> {
  const bare = await measure('bare')
  const followed = await measure('channels')
  const perSocket = (of: 'heap' | 'rss', { before, after }: Figures) => (after[of] - before[of]) / channels / 1024
  report.table(
    'channels',
    `${channels} open WebSockets on one process, each of a session of its own, on the memory store`,
    ['WebSocket', 'heap a socket, kB', 'resident a socket, kB'],
    [
      ['bare ws', perSocket('heap', bare).toFixed(2), perSocket('rss', bare).toFixed(2)],
      ['with a channel', perSocket('heap', followed).toFixed(2), perSocket('rss', followed).toFixed(2)],
      [
        'the channel',
        (perSocket('heap', followed) - perSocket('heap', bare)).toFixed(2),
        (perSocket('rss', followed) - perSocket('rss', bare)).toFixed(2),
      ],
    ],
  )
  const sorted = followed.delays.sort((a, b) => a - b)
  const at = (part: number) => (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN).toFixed(2)
  report.line(
    `\nfrom a change to the message at its client, ms: median ${median(sorted).toFixed(2)}, 99th percentile ${at(0.99)}, last of ${changes} ${at(1)}`,
  )
}

interface Figures {
  readonly before: Memory
  readonly after: Memory
  readonly delays: number[]
}

async function measure(kind: string): Promise<Figures> {
  const server = fork(join(__dirname, 'servers/channels.mjs'), [kind], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  const [port] = (await once(server, 'message')) as [number]
  try {
    const ids = await ask<string[]>(server, ['sessions', channels])
    const before = await ask<Memory>(server, ['memory'])
    const clients: WebSocket[] = []
    for (let i = 0; i < channels; i += 50) {
      clients.push(...(await Promise.all(ids.slice(i, i + 50).map((id) => connect(port, id)))))
    }
    const after = await ask<Memory>(server, ['memory'])
    if (after.open !== channels) throw new Error(`${after.open} of ${channels} sockets are open`)
    const delays = kind === 'bare' ? [] : await change(server, ids, clients)
    for (const client of clients) client.terminate()
    return { before, after, delays }
  } finally {
    server.kill()
  }
}

async function ask<T>(server: ChildProcess, order: readonly unknown[]): Promise<T> {
  server.send(order)
  const [reply] = (await once(server, 'message')) as [T]
  return reply
}

async function connect(port: number, id: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie: `sid=${id}` }, perMessageDeflate: false })
  await once(socket, 'message')
  return socket
}

/** One session after the other, far apart in the list, and how long each client waits. */
async function change(server: ChildProcess, ids: readonly string[], clients: readonly WebSocket[]): Promise<number[]> {
  const delays: number[] = []
  for (let n = 1; n <= changes; n++) {
    const index = (n * 2003) % channels
    const changed = once(clients[index]!, 'message', { signal: AbortSignal.timeout(5000) })
    const start = process.hrtime.bigint()
    server.send(['change', ids[index], n] as never)
    await changed
    delays.push(Number(process.hrtime.bigint() - start) / 1e6)
  }
  return delays
}
