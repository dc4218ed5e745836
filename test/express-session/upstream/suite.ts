import { Console } from 'node:console'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** The part of mocha that the suite uses, so that it need not be installed: describe, it, before, `done`, `this`. */
type Body = (this: object, done?: (error?: unknown) => void) => unknown

interface Group {
  readonly title: string
  readonly context: object
  readonly before: Body[]
  readonly cases: { readonly title: string; readonly body: Body }[]
  readonly groups: Group[]
}

/** Milliseconds that a case may take, as mocha has it. */
const limit = 2000
const newGroup = (title: string, context: object): Group => ({ title, context, before: [], cases: [], groups: [] })
const root = newGroup('', {})
let current = root

const globals = {
  describe(title: string, body: () => void) {
    const outer = current
    current = newGroup(`${outer.title} ${title}`.trim(), Object.create(outer.context) as object)
    outer.groups.push(current)
    body.call(current.context)
    current = outer
  },
  it: (title: string, body: Body) => current.cases.push({ title, body }),
  before: (body: Body) => current.before.push(body),
}

let onUncaught: (error: unknown) => void = () => undefined

function run(body: Body, context: object): Promise<unknown> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(new Error(`no end after ${limit} ms`)), limit)
    const end = (error?: unknown): void => {
      clearTimeout(timer)
      resolve(error)
    }
    onUncaught = end
    try {
      if (body.length > 0) body.call(context, end)
      else Promise.resolve(body.call(context)).then(() => end(), end)
    } catch (error) {
      end(error)
    }
  })
}

async function runGroup(group: Group, results: Record<string, string | null>): Promise<void> {
  for (const body of group.before) await run(body, group.context)
  for (const { title, body } of group.cases) {
    const error = await run(body, group.context)
    const name = uniqueName(`${group.title} ${title}`.trim(), results)
    results[name] = error ? (error as Error).message : null
  }
  for (const inner of group.groups) await runGroup(inner, results)
}

function uniqueName(title: string, results: object): string {
  let name = title
  for (let n = 2; Object.hasOwn(results, name); n++) name = `${title} (${n})`
  return name
}

/** Runs in a process of its own: `suite.ts <directory>`, where express-session's `test/` lies. Writes one line of JSON:
 * by full title the error's message, or null. */
async function main(directory: string): Promise<void> {
  Object.assign(globalThis, globals)
  process.on('uncaughtException', (error) => onUncaught(error))
  process.on('warning', () => undefined)
  const require = createRequire(join(directory, 'test', 'session.js'))
  for (const file of ['./support/env', './session', './cookie']) require(file)
  const results: Record<string, string | null> = {}
  await runGroup(root, results)
  new Console(process.stdout).log(JSON.stringify(results))
  process.exit(0)
}

void main(process.argv[2] ?? '.')
