// What README's shorter pieces of code stand in: the names that an app has at hand.
import type { Server } from 'node:http'
import type { Express, Request, RequestHandler } from 'express'
import type { RedisClientType } from 'redis'
import type supertest from 'supertest'
import type * as holdfast from '../../lib'

declare global {
  const app: Express
  const server: Server
  const user: { id: string }
  const req: Request
  const sessions: holdfast.SessionManager
  const users: {
    check(name: string, password: string): Promise<{ id: string } | undefined>
    setPassword(id: string, password: string): Promise<void>
  }
  const client: RedisClientType
  const login: typeof holdfast.login
  const logout: typeof holdfast.logout
  const sessionMiddleware: typeof holdfast.sessionMiddleware
  const request: typeof supertest
  function createApp(sessions: RequestHandler): Express
}
