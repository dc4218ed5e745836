import { Random } from '../model/random'
import { type Mutant, randomPlaces, redisPlaces } from '../support/move-places'
import { countLost, countRevived, type Generation, type MovePlaces } from '../support/move-run'
import { RedisClusterServers } from '../support/redis-cluster'
import { RedisServer } from '../support/redis-server'

/** Which processes may serve side by side; two of the same are two processes. */
const together: readonly (readonly Generation[])[] = [
  ['in place', 'upcoming', 'upcoming'],
  ['in place', 'take-over', 'take-over'],
  ['upcoming', 'upcoming', 'take-over', 'take-over'],
  ['take-over', 'take-over', 'upcoming', 'give-back'],
  ['upcoming', 'give-back', 'give-back', 'take-over'],
]
const title = (generations: readonly Generation[]) => generations.join(' + ')
const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))

describe(`places in memory whose steps take random turns, SEED=${seed}`, () => {
  test.each(together.map((generations) => [title(generations), generations] as const))(
    'no write is lost, and no ended session revived: %s',
    async (_title, generations) => {
      const random = new Random(seed)
      const places = randomPlaces(random)
      expect(await countLost({ places, generations, sessions: 40, random }, 16)).toBe(0)
      expect(await countRevived({ places, generations, sessions: 200, random })).toBe(0)
    },
    60_000,
  )

  test.each<[Mutant, 'lost' | 'revived', readonly Generation[]]>([
    ['no compare-and-set', 'lost', ['upcoming', 'upcoming', 'take-over']],
    ['unconditional claim', 'lost', ['in place', 'take-over', 'take-over']],
    ['unconditional removal', 'lost', ['in place', 'take-over', 'take-over']],
    ['no tombstone', 'revived', ['upcoming', 'take-over']],
  ])('the runs notice a move with %s', async (mutant, harm, generations) => {
    const random = new Random(seed)
    const run = { places: randomPlaces(random, mutant), generations, sessions: 100, random }
    expect(await (harm === 'lost' ? countLost(run, 4) : countRevived(run))).toBeGreaterThan(0)
  })
})

describe('Redis', () => {
  let server: RedisServer
  let places: MovePlaces
  beforeAll(async () => {
    server = await RedisServer.start()
    const connections = await Promise.all([server.connect(), server.connect(), server.connect()])
    places = redisPlaces(connections, connections[0])
  })
  afterAll(() => server.stop())

  test.each(together.map((generations) => [title(generations), generations] as const))(
    'no write is lost, and no ended session revived: %s',
    async (_title, generations) => {
      const random = new Random(seed)
      expect(await countLost({ places, generations, sessions: 40, random }, 16)).toBe(0)
      expect(await countRevived({ places, generations, sessions: 100, random })).toBe(0)
    },
    60_000,
  )
})

test('Redis Cluster: no write is lost, and no ended session revived', async () => {
  const servers = await RedisClusterServers.start()
  try {
    const clients = await Promise.all([servers.connect(), servers.connect()])
    const [raw] = clients
    const places = redisPlaces(clients, raw)
    const random = new Random(seed)
    const generations: Generation[] = ['upcoming', 'take-over', 'take-over', 'give-back']
    expect(await countLost({ places, generations, sessions: 40, random }, 16)).toBe(0)
    expect(await countRevived({ places, generations, sessions: 60, random })).toBe(0)
  } finally {
    await servers.stop()
  }
}, 60_000)
