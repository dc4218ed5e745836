import { type IncomingMessage, request, type RequestListener } from 'node:http'

export interface Target {
  readonly name: string
  readonly port: number
}

/** Hands each request to the next process in turn: the plainest of load balancers, without sticky sessions. */
export function roundRobin(
  targets: readonly Target[],
  onRequest: (req: IncomingMessage, target: Target) => void,
): RequestListener {
  let turn = 0
  return (req, res) => {
    const target = targets[turn++ % targets.length]
    if (target === undefined) throw new Error('no process to ask')
    onRequest(req, target)
    const { method, url, headers } = req
    const inner = request({ host: '127.0.0.1', port: target.port, method, path: url, headers }, (response) => {
      res.writeHead(response.statusCode ?? 502, response.statusMessage, response.headers)
      response.pipe(res)
    })
    inner.on('error', () => {
      if (res.headersSent) res.destroy()
      else res.writeHead(502, { 'content-type': 'text/plain' }).end(`process ${target.name} did not respond\n`)
    })
    req.pipe(inner)
  }
}
