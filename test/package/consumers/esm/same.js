// One implementation for both module systems: what is imported and what is required are the same things.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as main from 'holdfast'
import * as redis from 'holdfast/redis'
import session, * as express from 'holdfast/express-session'

const require = createRequire(import.meta.url)
for (const [entryPoint, imported] of [['holdfast', main], ['holdfast/redis', redis]]) {
  const required = require(entryPoint)
  assert.deepEqual(Object.keys(imported).sort(), Object.keys(required).sort())
  assert.ok(Object.keys(imported).length > 0)
  for (const name of Object.keys(imported)) assert.equal(imported[name], required[name], name)
}
assert.equal(main.SessionError, redis.SessionError)
assert.ok(new redis.RedisStore({ client: (await import('redis')).createClient() }))
assert.equal(session, require('holdfast/express-session'))
for (const name of ['Cookie', 'MemoryStore', 'Session', 'Store']) assert.equal(express[name], session[name], name)
assert.equal(typeof session({ secret: 'x', resave: false, saveUninitialized: false }), 'function')
