// What the shorter pieces of code in README and the guide stand in: the names that an app has at hand.
import type { Server } from 'node:http'
import type { Express, Request, RequestHandler, Response } from 'express'
import type { RedisClientType } from 'redis'
import type supertest from 'supertest'
import type * as holdfast from 'holdfast'
import type * as holdfastRedis from 'holdfast/redis'

declare global {
  const app: Express
  const server: Server
  const user: { id: string }
  const req: Request
  const res: Response
  const sessions: holdfast.SessionManager
  const users: {
    check(name: string, password: string): Promise<{ id: string } | undefined>
    setPassword(id: string, password: string): Promise<void>
  }
  const client: RedisClientType
  const RedisStore: typeof holdfastRedis.RedisStore
  const login: typeof holdfast.login
  const logout: typeof holdfast.logout
  const sessionMiddleware: typeof holdfast.sessionMiddleware
  const SessionManager: typeof holdfast.SessionManager
  const SessionError: typeof holdfast.SessionError
  const requireLogin: RequestHandler
  const request: typeof supertest
  function createApp(sessions: RequestHandler): Express
}
