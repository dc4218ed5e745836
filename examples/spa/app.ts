import { createServer } from 'node:http'
import { SessionManager } from 'holdfast'
import { listenOn } from '../shared/listen'
import { createApi } from './api'
import { createPage } from './page'

/** Serves the page on `PORT` and the API on `API_PORT`: two origins, of one site. Each has to know the other's address. */
function main(): void {
  const sessions = new SessionManager()
  const api = createServer()
  listenOn(api, {
    variable: 'API_PORT',
    defaultPort: 3001,
    close: [() => sessions.close()],
    onListening(apiUrl) {
      listenOn(createServer(createPage(apiUrl)), {
        onListening(pageOrigin) {
          api.on('request', createApi({ pageOrigin, sessions }))
          console.log(`The API is on ${apiUrl}`)
          console.log(`Listening on ${pageOrigin}`)
        },
      })
    },
  })
}

if (require.main === module) main()
