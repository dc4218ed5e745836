import { setTimeout as sleep } from 'node:timers/promises'
import { RedisServer } from '../support/redis-server'
import { type Fate, TcpProxy } from '../support/tcp-proxy'
import type { AppProcess } from '../support/app-process'
import { Agent, deploy, type Deployed, type OldPlaceName } from './deployments'

/*
 * A process is killed (SIGKILL) at each step of a move: at its n-th command to Redis, once before the command arrives and
 * once after it was carried out. Whatever is left behind, a process of the same stage and one of the stage before find the
 * session as it was before the request, or as it was to be; and a logout that is reported as done, is final.
 */

let redis: RedisServer
let proxy: TcpProxy
beforeAll(async () => {
  redis = await RedisServer.start()
  proxy = await TcpProxy.start(redis.port)
})
afterAll(async () => {
  await proxy.stop()
  await redis.stop()
})

type Generation = Deployed['generation']

interface Drill {
  readonly stage: Generation
  readonly path: string
  /** The deployment that made the session. */
  readonly from: Generation
  /** The fewest commands that the request takes. */
  readonly steps: number
}

/** More than any request takes, each way. */
const mostSteps = 14

const drills: readonly Drill[] = [
  { stage: 'take-over', path: '/show', from: 'in place', steps: 5 },
  { stage: 'take-over', path: '/set/later/1', from: 'in place', steps: 6 },
  { stage: 'take-over', path: '/logout', from: 'in place', steps: 6 },
  { stage: 'upcoming', path: '/set/later/1', from: 'take-over', steps: 3 },
  { stage: 'upcoming', path: '/logout', from: 'take-over', steps: 4 },
  { stage: 'give-back', path: '/set/later/1', from: 'take-over', steps: 8 },
]

/** With a store written for express-session, `get`, `set` and `destroy` are the steps: tried where they differ most. */
const cases: readonly (Drill & { place: OldPlaceName })[] = [
  ...drills.map((drill) => ({ ...drill, place: 'redis-layout' as const })),
  ...drills.filter(({ path }) => path === '/show').map((drill) => ({ ...drill, place: 'connect-redis' as const })),
]

test.each(cases)(
  'killed at each step of $path on $stage, over $place',
  async ({ stage, path, from, steps, place }) => {
    const start = (generation: Generation, port = redis.port) => deploy(port, { generation, place, address: '' })
    const maker = await start(from)
    const survivors = [await start(stage), await start(stage === 'take-over' ? 'upcoming' : 'take-over')]
    const agents = Array.from({ length: 2 * mostSteps }, () => new Agent())
    let victim = start(stage, proxy.port)
    try {
      for (const agent of agents) {
        await agent.json(maker, '/login/ada')
        await agent.json(maker, '/set/first/1')
      }
      if (stage === 'give-back') await sleep(2100)
      let kills = 0
      for (const fate of ['lose', 'cut'] as const) {
        for (let step = 1; step <= mostSteps; step++) {
          const { cookie } = agents.pop()!
          const app = await victim
          // The next one starts while this one is checked.
          victim = start(stage, proxy.port)
          if (!(await killedAt(step, fate, app, path, cookie))) break
          kills++
          await expectSound(survivors, path, cookie, `${fate} ${step}`)
        }
      }
      expect(kills).toBeGreaterThanOrEqual(2 * steps)
    } finally {
      await Promise.all([maker, ...survivors, await victim].map((app) => app.stop()))
    }
  },
  120_000,
)

/** Resolves to whether the request came as far as its n-th command. */
async function killedAt(
  step: number,
  fate: Fate,
  app: AppProcess,
  path: string,
  cookie: string | undefined,
): Promise<boolean> {
  let count = 0
  proxy.fate = (command) => {
    // Sent with the first command, not by the request: the check of the server.
    if (['INFO', 'CONFIG'].includes(command[0]?.toUpperCase() ?? '')) return 'pass'
    if (++count !== step) return 'pass'
    app.kill()
    return fate
  }
  try {
    const response = await app.attempt(path, cookie)
    if (count < step) expect(response).toMatchObject({ status: 200 })
    else expect(response).toBe('lost')
  } finally {
    proxy.fate = () => 'pass'
    await app.stop()
  }
  return count >= step
}

async function expectSound(
  survivors: readonly AppProcess[],
  path: string,
  cookie: string | undefined,
  at: string,
): Promise<void> {
  const show = async (app: AppProcess) => JSON.parse((await app.get('/show', cookie)).body) as object
  const whole = { user: 'ada', first: '1' }
  const allowed = path === '/show' ? [whole] : path === '/logout' ? [whole, {}] : [whole, { ...whole, later: '1' }]
  const [one, other] = survivors as [AppProcess, AppProcess]
  const found = await show(one)
  expect(allowed.map((state) => ({ at, state }))).toContainEqual({ at, state: found })
  expect({ at, state: await show(other) }).toEqual({ at, state: found })
  // And life goes on: what either stores, the other finds, and a logout is one.
  if ('user' in found) {
    await one.get('/set/again/1', cookie)
    expect({ at, state: await show(other) }).toEqual({ at, state: { ...found, again: '1' } })
  }
  expect((await other.get('/logout', cookie)).status).toBe(200)
  expect([await show(one), await show(other)]).toEqual([{}, {}])
}
