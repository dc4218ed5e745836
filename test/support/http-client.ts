import { type IncomingMessage, request } from 'node:http'

/** A response as a client sees it. For single bytes and their moments see raw-client.ts. */
export interface ClientResponse {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** `name=value` of each cookie that was set; the value is empty for one that was cleared. */
  readonly cookies: readonly string[]
}

/** A GET on a connection of its own. Rejects when the connection breaks before the response is whole. */
export function get(port: number, path: string, cookie?: string): Promise<ClientResponse> {
  const headers = cookie === undefined ? {} : { cookie }
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, agent: false, headers }, (res) => {
      let body = ''
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => (body += chunk))
      res.on('error', reject)
      res.on('end', () => {
        const cookies = (res.headers['set-cookie'] ?? []).map((text) => text.split(';')[0] ?? '')
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body, cookies })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** The session cookie of a response, to be sent with the next request. */
export function cookieOf(response: ClientResponse): string {
  const [cookie] = response.cookies
  if (cookie === undefined || cookie.endsWith('=')) {
    throw new Error(`no session cookie in a response of ${response.status}`)
  }
  return cookie
}

/** The id in the session cookie of a response over plain HTTP. */
export function idOf(response: ClientResponse): string {
  return cookieOf(response).slice('sid='.length)
}

/** The `Max-Age` of the session cookie in a response. */
export function maxAgeOf(response: ClientResponse): number | undefined {
  const found = /max-age=(\d+)/i.exec((response.headers['set-cookie'] ?? []).join('\n'))
  return found === null ? undefined : Number(found[1])
}

/** So many at once. */
export function inParallel<T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => action(index)))
}
