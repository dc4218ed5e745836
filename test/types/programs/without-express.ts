// No Express in the program: a bare server, and Connect, whose requests are Node's.
import { createServer } from 'node:http'
import connect from 'connect'
import { login, logout, type RequestWithSession, sessionMiddleware } from 'holdfast'

declare module 'holdfast' {
  interface SessionValues {
    views: number
  }
}

const sessions = sessionMiddleware()
createServer((req, res) => {
  sessions(req, res, (error) => {
    const { session } = req as RequestWithSession
    session.set('views', (session.get('views') ?? 0) + 1)
    session.set('veiws', 1) // error TS2345
    login(req, 'ada')
    logout(req)
    res.end(String(error))
  })
})
const app = connect()
app.use(sessions)
app.use((req, res) => {
  res.end(String((req as RequestWithSession).session.get('views')))
})
