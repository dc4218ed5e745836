import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { preProcessFile } from 'typescript'
import { pack, root, run } from './packed'

// Slow, and asks the package registry: `npm run test:package`.
let packed: Awaited<ReturnType<typeof pack>>
const children: ChildProcess[] = []
const entries = ['index', 'redis', 'express-session']

beforeAll(async () => {
  packed = await pack()
}, 120_000)

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

afterAll(() => {
  packed.remove()
})

describe('the tarball', () => {
  test('holds the entry points, their declarations, the sources, the changelog, README and LICENSE, and nothing else', () => {
    const others = packed.files.filter((path) => !/^(dist|lib)\//.test(path))
    expect(others.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
    const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    )
    const expected = [...declared()].flatMap((path) => [path, `${path}.map`])
    expected.push('dist/check-move.js')
    for (const entry of entries) expected.push(`dist/${entry}.js`, `dist/${entry}.mjs`, `dist/${entry}.d.mts`)
    expect(packed.files.filter((path) => path.startsWith('dist/')).sort()).toEqual(expected.sort())
    expect(expected).not.toContain('dist/hold/response-hold.d.ts')
    expect(packed.files.filter((path) => path.startsWith('lib/')).sort()).toEqual(
      sources.map((path) => `lib/${path}`).sort(),
    )
  })

  test('has the command that checks a move, as a program', () => {
    const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> }
    const ended = spawnSync(join(root, bin['holdfast-check-move'] ?? ''), { encoding: 'utf8' })
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/^Usage: holdfast-check-move/) })
  })

  test.each([
    ['index', ['index'], ['cookie']],
    ['redis', ['index', 'redis'], ['cookie']],
    ['express-session', ['express-session', 'index'], ['cookie']],
  ])('loads for the entry point %s the files of %j and the packages %j', async (entry, own, packages) => {
    const script = `require('./dist/${entry}.js'); console.log(JSON.stringify(Object.keys(require.cache)))`
    const files = (JSON.parse(await run(process.execPath, ['-e', script], root)) as string[]).map((path) =>
      relative(root, path),
    )
    const foreign = files.flatMap((path) => /node_modules\/([^/]+)/.exec(path)?.[1] ?? [])
    expect([...new Set(foreign)].sort()).toEqual(packages)
    expect(files.filter((path) => !path.startsWith('node_modules')).sort()).toEqual(own.map((it) => `dist/${it}.js`))
  })

  test("loads no module of Node's for child processes or clusters", async () => {
    const script = `require('./dist/index.js').sessionMiddleware(); console.log(JSON.stringify(process.moduleLoadList))`
    const loaded = JSON.parse(await run(process.execPath, ['-e', script], root)) as string[]
    expect(loaded).toContain('NativeModule http')
    expect(loaded.filter((name) => /NativeModule (cluster|child_process|dgram)$/.test(name))).toEqual([])
  })

  test('warns in a worker of a cluster that its sessions stay in its memory', async () => {
    const script = `
      const cluster = require('node:cluster')
      if (cluster.isWorker) require(${JSON.stringify(join(root, 'dist/index.js'))}).sessionMiddleware()
      else cluster.fork()
      process.on('warning', ({ code }) => { console.log(code); process.disconnect() })`
    writeFileSync(join(packed.directory, 'worker.cjs'), script)
    const output = await run(process.execPath, ['--no-warnings', 'worker.cjs'], packed.directory)
    expect(output.trim()).toBe('HOLDFAST_MEMORY_STORE_IN_SEVERAL_PROCESSES')
  })

  test('shows in a stack trace the names and the calls of the source', async () => {
    const script = `
      const { sessionMiddleware } = require('./dist/index.js')
      try { sessionMiddleware({ sesionTtl: 1 }) } catch (error) { console.log(error.stack) }`
    const stack = (await run(process.execPath, ['-e', script], root)).split('\n').slice(1, 5)
    expect(stack.map((line) => /at (.+) \(.+dist.index\.js:\d+:\d+\)$/.exec(line)?.[1])).toEqual([
      'checkKeys',
      'resolveOptions',
      'new SessionManager',
      'sessionMiddleware',
    ])
    const [, line = 0] = /index\.js:(\d+)/.exec(stack[0] ?? '') ?? []
    const text = readFileSync(join(root, 'dist/index.js'), 'utf8').split('\n')[Number(line) - 1]
    expect(text?.trim()).toMatch(/^throw new SessionError\("INVALID_OPTION"/)
  })

  test('has no comment in its programs but the paths of the sources', () => {
    for (const path of packed.files.filter((file) => /^dist\/.*\.js$/.test(file))) {
      const comments = readFileSync(join(root, path), 'utf8').match(/^ *(\/\/|\/\*|\*).*$/gm) ?? []
      expect(comments.filter((line) => !/^\/\/ lib\/[\w/-]+\.ts$/.test(line))).toEqual([])
      expect(comments.length).toBeGreaterThan(0)
    }
  })

  test('has one Session, one SessionError and one MemoryStore for all entry points and both module systems', async () => {
    const script = `
      import * as byImport from './dist/index.mjs'
      import * as redis from './dist/redis.mjs'
      import session from './dist/express-session.mjs'
      import { createRequire } from 'node:module'
      const require = createRequire(process.cwd() + '/x.js')
      const byRequire = require('./dist/index.js')
      const same = ['Session', 'SessionError', 'MemoryStore', 'SessionManager'].map((name) => byImport[name] === byRequire[name])
      const errors = []
      for (const act of [() => new redis.RedisStore({}), () => session({ storeTimeout: -1, secret: 'x' })]) {
        try { act() } catch (error) { errors.push(error instanceof byImport.SessionError) }
      }
      const names = ['Session', 'SessionError', 'MemoryStore', 'SessionManager', 'UserSessionManager'].map((name) => byImport[name].name)
      for (const kind of ['Session', 'Cookie', 'Store', 'MemoryStore']) names.push(session[kind].name)
      console.log(JSON.stringify([same, errors, redis.SessionError === byImport.SessionError, require('./dist/express-session.js') === session, names]))`
    const output = await run(process.execPath, ['--input-type=module', '-e', script], root)
    const names = ['Session', 'SessionError', 'MemoryStore', 'SessionManager', 'UserSessionManager']
    names.push('Session', 'Cookie', 'Store', 'MemoryStore')
    expect(JSON.parse(output)).toEqual([[true, true, true, true], [true, true], true, true, names])
  })

  test('leads an editor from each declaration to its source', () => {
    const maps = packed.files.filter((path) => path.endsWith('.d.ts.map'))
    expect(maps).toContain('dist/index.d.ts.map')
    const missing = maps.flatMap((path) => {
      const { sources } = JSON.parse(readFileSync(join(root, path), 'utf8')) as { sources: string[] }
      return sources.map((source) => join(path, '..', source)).filter((source) => !packed.files.includes(source))
    })
    expect(missing).toEqual([])
  })

  test('declares nothing by the types of packages that it does not depend on', () => {
    const imported = new Set<string>()
    for (const path of packed.files.filter((file) => /\.d\.m?ts$/.test(file))) {
      const text = readFileSync(join(root, path), 'utf8')
      const specifier = /(?:from |import\(|require\(|import |reference types=)["']([^."'][^"']*)["']/g
      for (const [, name = ''] of text.matchAll(specifier)) {
        // Its types are those of express-session, which an app that used it has; they are an optional peer dependency.
        if (name !== 'express-session' || path !== 'dist/express-session.d.ts') imported.add(name)
      }
    }
    expect([...imported].filter((name) => !name.startsWith('node:'))).toEqual([])
    expect(imported).toContain('node:http')
  })

  test('gives publint nothing to say', async () => {
    const output = await run('npx', ['--no', 'publint', 'run', packed.tarball, '--strict'], root)
    expect(output).toContain('All good!')
  })

  test('gives "are the types wrong" nothing to say', async () => {
    const output = await run('npx', ['--no', 'attw', packed.tarball, '--format', 'json'], root)
    const { problems, analysis } = JSON.parse(output) as { problems: object; analysis: { entrypoints: object } }
    expect(problems).toEqual({})
    expect(Object.keys(analysis.entrypoints)).toEqual(['.', './redis', './express-session', './package.json'])
  })
})

describe('a project that installs it', () => {
  const projects = readdirSync(join(__dirname, 'consumers'))

  test.each(projects)('%s', async (name) => {
    const project = await install(name)
    const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    if (existsSync(join(project, 'app.ts'))) await compile(project)
    if (existsSync(join(project, 'same.js'))) await run('node', ['same.js'], project)
    await useSessions(project, scripts['start'] ?? '')
  })
})

/** The declarations that those of the entry points import, however indirectly. */
function declared(): Set<string> {
  const reached = new Set(entries.map((entry) => `dist/${entry}.d.ts`))
  for (const path of reached) {
    for (const { fileName } of preProcessFile(readFileSync(join(root, path), 'utf8'), true, true).importedFiles) {
      if (fileName.startsWith('.')) reached.add(`${join(path, '..', fileName)}.d.ts`)
    }
  }
  return reached
}

async function install(name: string): Promise<string> {
  const project = join(packed.directory, name)
  cpSync(join(__dirname, 'consumers', name), project, { recursive: true })
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error']
  await run('npm', ['install', ...quick, packed.tarball], project)
  return project
}

/** With this project's compiler every tsconfig, with the ones that the consumer brings the first. */
async function compile(project: string): Promise<void> {
  const configs = readdirSync(project).filter((file) => /^tsconfig.*\.json$/.test(file))
  expect(configs).toContain('tsconfig.json')
  for (const config of configs) {
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', config], project)
  }
  const installed = readdirSync(join(project, 'node_modules')).filter((file) => file.startsWith('typescript-'))
  for (const compiler of installed) {
    await run(process.execPath, [join('node_modules', compiler, 'bin/tsc'), '-p', 'tsconfig.json', '--noEmit'], project)
  }
}

/** Starts the consumer's app, which prints its port, and goes through it as one visitor. */
async function useSessions(project: string, start: string): Promise<void> {
  const [, ...args] = start.split(' ')
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${start} ended before it listened`)
  })
  const [port] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string]
  let cookie = ''
  async function visit(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie }, redirect: 'manual' })
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    return response.status === 200 ? response.json() : response.status
  }
  expect(await visit('/')).toEqual({ views: 1 })
  expect(await visit('/')).toEqual({ views: 2 })
  const before = cookie
  expect(await visit('/login')).toBe(302)
  expect(cookie).not.toBe(before)
  expect(await visit('/')).toEqual({ views: 3, subject: 'ada' })
  const during = cookie
  expect(await visit('/logout')).toBe(302)
  expect(await visit('/')).toEqual({ views: 1 })
  cookie = during
  expect(await visit('/')).toEqual({ views: 1 })
  ended.catch(() => undefined)
}
