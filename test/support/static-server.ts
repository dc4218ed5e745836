import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** Serves a folder below a path, `/page` from `page.html`, as a host of static sites does. */
export async function serveFolder(folder: string, base: string): Promise<{ url: string; close: () => void }> {
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url ?? '', 'http://localhost')
    const path = pathname.startsWith(base) ? decodeURIComponent(pathname.slice(base.length)) : '404'
    const candidates = [path, `${path}.html`, join(path, 'index.html')].filter((one) => extname(one) !== '')
    const read = async () => {
      for (const one of candidates) {
        const content = await readFile(join(folder, one)).catch(() => undefined)
        if (content !== undefined) {
          res.writeHead(200, { 'Content-Type': types[extname(one)] ?? 'application/octet-stream' }).end(content)
          return
        }
      }
      res.writeHead(404).end()
    }
    void read()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}${base}`, close: () => void server.close() }
}
