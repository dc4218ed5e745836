import { createServer } from 'node:http'
import { sessionMiddleware } from 'holdfast'
import { WebSocketServer } from 'ws'

/**
 * WebSockets with nothing to them (`bare`), or each with a channel that follows its session (`channels`). Commands:
 * `memory` collects garbage and sends what is left; `sessions <n>` makes sessions and sends their ids; `change <id> <value>`
 * changes a session as a request would.
 */
const [kind] = process.argv.slice(2)
const { sessions } = sessionMiddleware({ cookie: { secure: false } })
const sockets = new WebSocketServer({ noServer: true })
let open = 0

const server = createServer()
server.on('upgrade', (req, socket, head) => {
  sockets.handleUpgrade(req, socket, head, async (ws) => {
    if (kind === 'channels') {
      const channel = await sessions.openChannel(ws, req)
      channel?.onChange(({ value }) => ws.send(String(value)))
      if (channel === undefined) return ws.close(4401)
    }
    open++
    ws.on('close', () => open--)
    ws.send('open')
  })
})

process.on('message', async ([order, argument, value]) => {
  if (order === 'memory') {
    for (let i = 0; i < 4; i++) {
      globalThis.gc()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const { heapUsed, external, rss } = process.memoryUsage()
    process.send({ heap: heapUsed + external, rss, open })
  } else if (order === 'sessions') {
    const ids = []
    for (let i = 0; i < argument; i++) ids.push(await sessions.create({ value: 0 }))
    process.send(ids)
  } else await sessions.update(argument, { value })
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => process.send(server.address().port))
