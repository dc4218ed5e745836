import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApolloServer } from '@apollo/server'
import { expressMiddleware } from '@as-integrations/express5'
import express from 'express'
import {
  atTheEnd,
  Browser,
  checkBesideBare,
  delays,
  listen,
  login,
  logout,
  type Make,
  send,
  sessionsOf,
  valuesOf,
} from './company.mts'

/** Apollo Server as middleware of Express 5. */

const typeDefs = `
  type Query { visits: Int, user: String, broken: String }
  type Mutation { login(user: String!): String, logout: String }
`
const resolvers = {
  Query: {
    visits(_: unknown, __: unknown, { req }: any) {
      const { session } = req
      session?.set('visits', Number(session.get('visits') ?? 0) + 1)
      return session?.get('visits') ?? 0
    },
    user: (_: unknown, __: unknown, { req }: any) => req.session?.subject ?? 'nobody',
    broken() {
      throw new Error('a bug of the app')
    },
  },
  Mutation: {
    login(_: unknown, { user }: { user: string }, { req }: any) {
      login(req, user)
      return user
    },
    logout(_: unknown, __: unknown, { req }: any) {
      logout(req)
      return 'bye'
    },
  },
}
const apollo = new ApolloServer({ typeDefs, resolvers, includeStacktraceInErrorResponses: false })
await apollo.start()
atTheEnd(() => apollo.stop())

const make: Make = (middleware) => {
  const app = express()
  app.set('env', 'test')
  for (const one of middleware) app.use(one)
  app.use('/graphql', express.json(), expressMiddleware(apollo, { context: async ({ req }) => ({ req }) }))
  return app
}

const ask = (query: string): { path: string; method: string; headers: Record<string, string>; body: string } => ({
  path: '/graphql',
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ query }),
})

checkBesideBare('Apollo Server', make, [
  ask('{ __typename }'),
  ask('{ user }'),
  ask('{ broken }'),
  ask('{ unknownField }'),
  ask('not a query'),
  { path: '/graphql?query=%7B__typename%7D', headers: { 'Apollo-Require-Preflight': 'yes' } },
  { path: '/graphql', method: 'PUT' },
])

for (const [speed, delay] of delays) {
  void test(`Apollo Server: a resolver finds what the request before has stored, and logs in and out, with ${speed}`, async () => {
    const { sessions } = sessionsOf(delay)
    const port = await listen(await make([sessions]))
    const browser = new Browser(port)
    const data = async (query: string): Promise<object> => JSON.parse((await browser.send(ask(query))).body).data
    assert.deepEqual(await data('{ visits user }'), { visits: 1, user: 'nobody' })
    assert.deepEqual(await data('{ visits user }'), { visits: 2, user: 'nobody' })
    const before = browser.cookie
    assert.deepEqual(await data('mutation { login(user: "ada") }'), { login: 'ada' })
    assert.notEqual(browser.cookie, before)
    const during = browser.cookie
    assert.deepEqual(await data('{ visits user }'), { visits: 3, user: 'ada' })
    assert.deepEqual(await data('mutation { logout }'), { logout: 'bye' })
    assert.deepEqual(await data('{ user }'), { user: 'nobody' })
    assert.deepEqual(JSON.parse((await send(port, ask('{ user }'), during)).body).data, { user: 'nobody' })
  })

  void test(`Apollo Server: a resolver whose change is not stored gives 503 and no cookie, with ${speed}`, async () => {
    const { store, sessions } = sessionsOf(delay)
    const port = await listen(await make([sessions]))
    store.fail('insert', delay === undefined ? 'throw' : 'reject')
    const response = await send(port, ask('mutation { login(user: "ada") }'))
    assert.deepEqual([response.status, response.whole, valuesOf(response, 'set-cookie')], [503, true, []])
    assert.equal(response.body.includes('"login"'), false)
  })
}
