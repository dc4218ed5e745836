import original from 'express-session'
import createMemoryStore from 'memorystore'
import { MemoryStore } from '../../lib/stores/memory-store'
import { Random } from '../model/random'
import { stopApps } from '../support/app'
import { inParallel } from '../support/http-client'
import { Browser, type CompatApp, type CompatHandler, startCompatApp } from '../support/express-session-app'
import { forwardAndBack, optionsAt } from '../support/move-run'
import { turnMachineClock } from '../support/turned-clock'

/*
 * A roll-out and roll-back with a store that lives in one process, such as memorystore: no restart keeps its sessions, so
 * express-session and each stage serve in this process, side by side on one store object.
 */

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
/** Seconds after which a session that has moved may go back, and some. */
const settled = 2.1
const oldPlaces = [
  { name: 'memorystore', open: () => new (createMemoryStore(original))({ checkPeriod: 0 }) },
  { name: 'MemoryStore of express-session', open: () => new original.MemoryStore() },
]

const tail = (url: string | undefined, place: number) => (url ?? '').split('/')[place] ?? ''
const done = (act: (callback: (error?: unknown) => void) => void) =>
  new Promise<true>((resolve, reject) =>
    act((error) => (error ? reject(new Error('failed', { cause: error })) : resolve(true))),
  )
const routes: Record<string, CompatHandler> = {
  async login(req) {
    await done((callback) => req.session.regenerate(callback))
    req.session.user = tail(req.url, 2)
    return done((callback) => req.session.save(callback))
  },
  set(req) {
    req.session[tail(req.url, 2)] = tail(req.url, 3)
    return done((callback) => req.session.save(callback))
  },
  show: (req) => ({ ...req.session, cookie: undefined }),
  logout: (req) => done((callback) => req.session.destroy(callback)),
}

test.each(oldPlaces)(
  `$name: a step forward or back signs no user out, SEED=${seed}`,
  async ({ open }) => {
    const turn = turnMachineClock()
    const settle = () => turn(settled)

    const random = new Random(seed)
    const stores = { old: open(), own: new MemoryStore() }
    const start = (generation: (typeof forwardAndBack)[number]): Promise<CompatApp> => {
      const cookie = { maxAge: 600_000 }
      return generation === 'theirs'
        ? startCompatApp({ session: original, options: { store: stores.old, cookie }, routes })
        : startCompatApp({ options: { ...optionsAt(generation, stores), cookie }, routes })
    }
    let running = [await start('theirs')]
    const browsers = Array.from({ length: 6 }, (_, n) => {
      const values: Record<string, string> = { user: `user${n}` }
      // Whichever the load balancer chooses.
      return { browser: new Browser({ get: (path, cookie) => random.pick(running).get(path, cookie) }), values }
    })
    for (const { browser, values } of browsers) await browser.json(`/login/${values['user']}`)

    for (const [step, generation] of forwardAndBack.entries()) {
      if (step === 0) continue
      const before = forwardAndBack[step - 1]!
      if (before === 'give-back') {
        // Each session has to be used once, or stays in the new place.
        settle()
        for (const { browser } of browsers) await browser.json('/show')
      }
      running.push(await start(generation))
      if (generation === 'give-back') settle()
      const isOurs = before !== 'theirs' && generation !== 'theirs'

      for (const { browser, values } of browsers) {
        for (let round = 0; round < 3; round++) {
          const key = `step${step}round${round}`
          await browser.json(`/set/${key}/${round}`)
          values[key] = String(round)
          expect([generation, await browser.json('/show')]).toEqual([generation, values])
        }
        if (!isOurs) continue
        const { cookie } = browser
        const statuses = await inParallel(
          16,
          async (n) => (await random.pick(running).get(`/set/s${step}p${n}/1`, cookie)).status,
        )
        expect(statuses).toEqual(statuses.map(() => 200))
        for (let n = 0; n < 16; n++) values[`s${step}p${n}`] = '1'
        expect([generation, await browser.json('/show')]).toEqual([generation, values])
      }

      await expectLogoutsToHold(random, running, before === 'give-back' ? settle : () => undefined, isOurs)
      running = running.slice(1)
    }
    // express-session alone has them all again.
    for (const { browser, values } of browsers) expect(await browser.json('/show')).toEqual(values)
  },
  60_000,
)

test.each(
  oldPlaces.flatMap(({ name, open }) =>
    (['upcoming', 'take-over', 'give-back'] as const).map((generation) => ({ name, open, generation })),
  ),
)(
  '$name, $generation: req.sessionStore.set replaces the values and keeps the session',
  async ({ open, generation }) => {
    const app = await startCompatApp({
      options: optionsAt(generation, { old: open(), own: new MemoryStore() }),
      routes: {
        ...routes,
        replace({ sessionID, sessionStore, session: { cookie } }) {
          return done((callback) => sessionStore.set(sessionID, { cookie, user: 'ada', seen: 1 }, callback))
        },
      },
    })
    const browser = new Browser(app)
    await browser.json('/login/ada')
    await browser.json('/set/cart/book')
    expect(await browser.json('/replace')).toBe(true)
    expect(await browser.json('/show')).toEqual({ user: 'ada', seen: 1 })
    await browser.json('/set/cart/pen')
    expect(await browser.json('/show')).toEqual({ user: 'ada', seen: 1, cart: 'pen' })
  },
)

/** Ends sessions on either, while writes are under way where both are ours. */
async function expectLogoutsToHold(
  random: Random,
  running: readonly CompatApp[],
  settle: () => unknown,
  isOurs: boolean,
) {
  for (const [one, other] of [running, [...running].reverse()] as unknown as [CompatApp, CompatApp][]) {
    const guest = new Browser(one)
    await guest.json('/login/guest')
    const { cookie } = guest
    settle()
    expect(JSON.parse((await other.get('/show', cookie)).body)).toEqual({ user: 'guest' })
    const paths = isOurs ? ['/set/a/1', '/set/b/1', '/set/c/1'] : []
    const writes = paths.map((path) => random.pick(running).get(path, cookie))
    const [{ status }] = await Promise.all([other.get('/logout', cookie), ...writes])
    expect(status).toBe(200)
    for (const app of running) expect(JSON.parse((await app.get('/show', cookie)).body)).toEqual({})
  }
}
