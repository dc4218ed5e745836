import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as ts from 'typescript'

/**
 * What runs for each request that reads or writes its session, by file of lib. None of it makes a function: V8 forgets the
 * compiled code of closures at each full collection of garbage, so that one which is made for each request runs slowly for
 * hundreds of requests after each (bench/NOTES.md).
 */
const onTheWay: Readonly<Record<string, readonly string[]>> = {
  'http/middleware.ts': ['sessionMiddleware', 'attachWhenFound', 'isAttached'],
  'http/request-session.ts': [
    'constructor',
    'session',
    'commit',
    '#begin',
    '#intercept',
    '#cookiesWhenKnown',
    '#cookiesOf',
  ],
  'http/attach-session.ts': ['attachSession', 'hasOurAccessor', 'read', 'fill'],
  'hold/response-hold.ts': [
    'constructor',
    '#ask',
    '#wait',
    '#hold',
    '#release',
    '#send',
    '#toNode',
    '#native',
    '#closed',
  ],
  'hold/response-saves.ts': ['constructor', 'expectChange', 'beforeSend', 'afterEnd', 'afterClose'],
  'hold/intercept.ts': [
    'intercept',
    'canInterceptLater',
    'sharedMethodsOf',
    'interceptOwn',
    'interceptBody',
    'release',
  ],
  'service/find-by-cookie.ts': ['findByCookie', 'describeWhenFound'],
  'service/session-service.ts': ['find', '#verifyWhenLoaded', '#verify', 'open', '#settleWhenChanged', '#settleChange'],
  'session/make-state.ts': ['openedState'],
  'session/session-contents.ts': ['changes', 'changesWithin', 'settleFields'],
  'session/tracked-values.ts': ['get', 'set', 'changes', 'settle'],
  'session/session-state.ts': ['beginSave'],
  'stores/guarded-store.ts': ['load', 'change'],
  'stores/call-guard.ts': ['limit', 'outcome', '#start', '#succeeded', '#failed'],
  'stores/memory-store.ts': ['load', 'change'],
  'stores/memory/kept-fields.ts': ['mapOf', 'changeFields', 'replaceTexts'],
  'stores/memory/kept-session.ts': ['storedSession', 'listedRecord', 'withContext'],
  'stores/memory/session-table.ts': ['find', 'read', 'replace', '#write'],
  'stores/memory/packed-sessions.ts': ['put', 'read', 'constructor', 'next', 'idsText', 'putNumbers'],
  'stores/memory/deadline-heap.ts': ['move'],
  'stores/redis/redis-store.ts': ['load', '#decode', 'change', '#settleChange'],
  'stores/redis/redis-link.ts': ['runWithin', 'run'],
  'stores/express-session/store-callback.ts': [
    'askStore',
    'askStoreFor',
    'outcomeOf',
    '#calledBack',
    '#replied',
    '#failed',
  ],
  'stores/express-session/handle-queue.ts': ['constructor', 'start', '#run', '#keep', 'run', '#leave'],
  'base/task-line.ts': ['add', '#endOf'],
  'base/timeout-queue.ts': ['add', 'remove'],
  'express-session/middleware.ts': ['session', 'attach', 'attachWhenLoaded'],
  'express-session/exchange.ts': [
    'open',
    'session',
    'commit',
    '#begun',
    '#commitSession',
    '#cookiesWhenStored',
    '#cookiesOf',
  ],
  'express-session/write-session.ts': ['writeSession', 'update', 'settleWhenUpdated', 'settleUpdate'],
  'express-session/in-place-records.ts': [
    'load',
    'update',
    '#updateNow',
    'recordAccess',
    '#recordAccessNow',
    '#inTurn',
    '#get',
    '#set',
  ],
  'express-session/hashed-records.ts': ['load', 'update', 'recordAccess', 'openWhenLoaded', 'openKept'],
}

interface Named {
  readonly name: string
  readonly makesFunctions: boolean
}

/** The functions of a file, those within others included. */
function functionsIn(file: string): Named[] {
  const text = readFileSync(join(__dirname, '../../lib', file), 'utf8')
  const found: Named[] = []
  const visit = (node: ts.Node): void => {
    if (isWithBody(node)) found.push({ name: nameOf(node), makesFunctions: containsFunction(node) })
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true))
  return found
}

function isWithBody(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && (node as ts.FunctionLikeDeclaration).body !== undefined
}

function containsFunction(node: ts.Node): boolean {
  return ts.forEachChild(node, (child) => isWithBody(child) || containsFunction(child) || undefined) ?? false
}

function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  return node.name?.getText() ?? ''
}

test('a function that contains another one is found out, by a declaration, an arrow, or a method in an object', () => {
  const contains = (text: string): boolean =>
    containsFunction(ts.createSourceFile('a.ts', text, ts.ScriptTarget.Latest, true).statements[0] as ts.Node)
  expect(contains('function f() { return list.some((one) => one) }')).toBe(true)
  expect(contains('function f() { function g() {} return g }')).toBe(true)
  expect(contains('function f() { return { g() {} } }')).toBe(true)
  expect(contains('function f() { return g.bind(h) }')).toBe(false)
})

test.each(Object.entries(onTheWay))('what runs for each request makes no functions: %s', (file, names) => {
  const functions = functionsIn(file)
  for (const name of names) {
    const named = functions.filter((one) => one.name === name)
    expect([name, named.length > 0]).toEqual([name, true])
    // A method of the same name may stand beside the one that is meant.
    expect([name, named.map(({ makesFunctions }) => makesFunctions)]).toEqual([name, named.map(() => false)])
  }
})
