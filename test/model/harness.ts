/** Runs the app's processes, clients and faults for a while, and resolves to the history. */
import { setTimeout as wait } from 'node:timers/promises'
import { isSame } from './check-sockets'
import { closeConnections, send } from './clients'
import { faults } from './faults'
import { type FaultSpan, type History, type Operation, handleOf, type RunOptions, type SocketLife } from './history'
import { Jar, listEverySubject, useTab } from './operations'
import { Random } from './random'
import { startWorld, type World } from './world'

export const defaults: RunOptions = {
  seed: 1,
  seconds: 30,
  processes: 3,
  jars: 10,
  timeouts: {},
  skews: [],
  faults: [],
  lost: 0.03,
  checkInterval: 30,
  weights: {},
}

type Begun = Omit<Operation, 'number' | 'sentAt' | 'outcome' | 'endedAt'>

/** A run that is under way. */
export class Run {
  readonly options: RunOptions
  readonly operations: Operation[] = []
  readonly sockets: SocketLife[] = []
  readonly faults: FaultSpan[] = []
  isOn = true
  readonly #world: World

  constructor(options: RunOptions, world: World) {
    this.options = options
    this.#world = world
  }

  /** Writes an operation down that is about to be sent. */
  begin(begun: Begun): Operation {
    const number = this.operations.length + 1
    const operation: Operation = { number, sentAt: Date.now(), outcome: 'lost', endedAt: 0, ...begun }
    this.operations.push(operation)
    return operation
  }

  /** A process that runs, or undefined when none does. */
  pickProcess(random: Random): number | undefined {
    const running = this.#world.nodes.flatMap((node, index) => (node.port === 0 ? [] : [index]))
    return running.length === 0 ? undefined : random.pick(running)
  }

  portOf(process: number): number {
    return this.#world.nodes[process]?.port ?? 0
  }
}

/** @param program The app, as one file of JavaScript. */
export async function runOnce(program: string, given: Partial<RunOptions>): Promise<History> {
  const options = { ...defaults, ...given }
  const random = new Random(options.seed)
  const world = await startWorld(program, options)
  try {
    const run = new Run(options, world)
    const jars = Array.from({ length: options.jars }, (_, index) => new Jar(`browser ${index}`))
    const tabs = jars.flatMap((jar) =>
      Array.from({ length: 2 + random.upTo(2) }, () => useTab(run, jar, random.fork())),
    )
    const immortal = new Set<string>()
    const trouble = causeTrouble(run, world, random.fork())
    const scan = watchDeadlines(run, world, immortal)
    await wait(options.seconds * 1000)
    run.isOn = false
    await Promise.all([...tabs, trouble, scan])
    for (const { line } of world.nodes) line.mend()
    const restFrom = Date.now()
    // Lines and subscriptions come back, and a process that missed a message reads the session itself.
    await wait(options.faults.length > 0 ? 1500 + options.checkInterval * 1300 : 300)
    await listEverySubject(run, 0)
    const atRest = await readAtRest(run)
    await untilShown(run.sockets, atRest)
    // As they are now: in a moment they are all closed.
    const sockets = run.sockets.map((socket) => ({ ...socket }))
    for (const jar of jars) jar.channel?.close()
    for (const key of await immortalKeys(world)) immortal.add(key)
    const { operations } = run
    return { options, operations, sockets, faults: run.faults, immortal: [...immortal], restFrom, atRest }
  } finally {
    await world.stop()
    closeConnections()
  }
}

/** One fault after the other, with time between them in which all is well. */
async function causeTrouble(run: Run, world: World, random: Random): Promise<void> {
  if (run.options.faults.length === 0) return
  while (run.isOn) {
    await wait(300 + random.upTo(1200))
    const name = random.pick(run.options.faults)
    const span: FaultSpan = { name, from: Date.now(), to: Infinity }
    run.faults.push(span)
    await faults[name]?.(world, random)
    span.to = Date.now()
  }
}

const withoutDeadline = `
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('PTTL', key) == -1 then found[#found + 1] = key end
end
return found`

async function immortalKeys({ admin }: World): Promise<string[]> {
  return (await admin.eval(withoutDeadline)) as string[]
}

async function watchDeadlines(run: Run, world: World, found: Set<string>): Promise<void> {
  while (run.isOn) {
    await wait(250)
    // Redis may be the one that is away.
    const keys = await immortalKeys(world).catch(() => [])
    for (const key of keys) found.add(key)
  }
}

/** What the sessions of open sockets hold now that nothing goes on. */
async function readAtRest(run: Run): Promise<History['atRest']> {
  const latest = new Map<string, string>()
  for (const { issued, outcome } of run.operations) {
    if (outcome === 'ok' && issued) latest.set(handleOf(issued), issued)
  }
  const held = new Map<string, Readonly<Record<string, number>> | undefined>()
  for (const { handle, closedAt, id } of run.sockets) {
    if (closedAt !== undefined || held.has(handle)) continue
    const operation = run.begin({ actor: 'job', act: 'job-get', process: 0, id: latest.get(handle) ?? id })
    await send(run.portOf(0), operation, { id: operation.id })
    held.set(handle, (operation.result as Record<string, number> | null | undefined) ?? undefined)
  }
  return held
}

/** Waits until each channel shows what its session holds, for a few seconds at most. */
async function untilShown(sockets: readonly SocketLife[], atRest: History['atRest']): Promise<void> {
  const isShown = ({ handle, closedAt, view }: SocketLife) => closedAt !== undefined || isSame(view, atRest.get(handle))
  for (let attempt = 0; attempt < 30 && !sockets.every(isShown); attempt++) await wait(100)
}
