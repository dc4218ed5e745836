import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../model/random'
import type { AppProcess } from '../support/app-process'
import { forwardAndBack } from '../support/move-run'
import { RedisServer } from '../support/redis-server'
import { Agent, deploy, type Deployed, oldPlaces } from './deployments'

/*
 * A whole roll-out and roll-back with processes of express-session and of ours, side by side at each step as a rolling
 * deployment has them. The user of each agent stays signed in, with all that either process has stored.
 */

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
/** Milliseconds after which a session that has moved may go back. */
const settled = 2100

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stop())

test.each(oldPlaces)(
  `$name: a deployment signs no user out, forward or back, SEED=${seed}`,
  async ({ name, isAtomic, open }) => {
    const random = new Random(seed)
    const { address, close } = await open()
    const start = (generation: Deployed['generation']) => deploy(redis.port, { generation, place: name, address })
    const agents = Array.from({ length: 6 }, (_, n) => ({ agent: new Agent(), values: { user: `user${n}` } as any }))
    const running: AppProcess[] = [await start('theirs')]
    try {
      for (const { agent, values } of agents) await agent.json(running[0]!, `/login/${values.user}`)
      for (const [step, generation] of forwardAndBack.entries()) {
        if (step === 0) continue
        const before = forwardAndBack[step - 1]!
        // Where sessions do not go back by themselves, each has to be used once before the next deployment.
        if (before === 'give-back') await goBack(running[0]!, agents)
        running.push(await start(generation))
        if (generation === 'give-back') await sleep(settled)

        // Each agent is served by both, in any order.
        for (let round = 0; round < 4; round++) {
          await Promise.all(
            agents.map(async ({ agent, values }) => {
              const key = `step${step}round${round}`
              await agent.json(random.pick(running), `/set/${key}/${round}`)
              values[key] = String(round)
              expect([generation, await agent.json(random.pick(running), '/show')]).toEqual([generation, values])
            }),
          )
        }

        await expectLogoutsToHold(running, before, generation)
        if (before !== 'theirs' && generation !== 'theirs') {
          await expectParallelWritesToStay(isAtomic ? running : [running[1]!], agents[0]!, step)
        }
        await running.shift()!.stop()
      }
      expect(running).toHaveLength(1)
    } finally {
      await Promise.all(running.map((app) => app.stop()))
      await close()
    }
  },
  120_000,
)

async function goBack(app: AppProcess, agents: readonly { agent: Agent }[]): Promise<void> {
  await sleep(settled)
  for (const { agent } of agents) await agent.json(app, '/show')
}

/** Ends a session on one process that the other has seen, both ways. */
async function expectLogoutsToHold(running: readonly AppProcess[], before: string, generation: string): Promise<void> {
  for (const [one, other] of [running, [...running].reverse()] as [AppProcess, AppProcess][]) {
    const agent = new Agent()
    await agent.json(one, '/login/guest')
    const { cookie } = agent
    if (before === 'give-back') await sleep(settled)
    expect([before, generation, await agent.json(other, '/show')]).toEqual([before, generation, { user: 'guest' }])
    await agent.json(other, '/logout')
    for (const app of running) expect(JSON.parse((await app.get('/show', cookie)).body)).toEqual({})
  }
}

async function expectParallelWritesToStay(
  running: readonly AppProcess[],
  { agent, values }: { agent: Agent; values: Record<string, string> },
  step: number,
): Promise<void> {
  const keys = Array.from({ length: 24 }, (_, n) => `parallel${step}n${n}`)
  await Promise.all(
    keys.map((key, n) => running[n % running.length]!.get(`/set/${key}/1`, agent.cookie).then(expectOk)),
  )
  for (const key of keys) values[key] = '1'
  expect(await agent.json(running[0]!, '/show')).toEqual(values)
}

function expectOk({ status, body }: { status: number; body: string }): void {
  if (status !== 200) throw new Error(`responded with ${status}: ${body}`)
}
