/** What goes wrong in a run: each fault begins, lasts, and is over when its promise resolves. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from './random'
import { type Node, storeTimeout, type World } from './world'

type Fault = (world: World, random: Random) => Promise<void>

const anyNode = (world: World, random: Random): Node => random.pick(world.nodes)

export const faults: Readonly<Record<string, Fault>> = {
  /** A process dies, and its successor comes up. */
  async kill(world, random) {
    const node = anyNode(world, random)
    await node.kill()
    await wait(random.upTo(200))
    await node.start()
  },

  /** Redis closes all connections. */
  async 'client-kill'(world) {
    await world.admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'YES'])
    await world.admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'PUBSUB', 'SKIPME', 'YES'])
  },

  /** Redis forgets the scripts. */
  async 'script-flush'(world) {
    await world.admin.scriptFlush()
  },

  /** A line breaks, and stays broken for a while. */
  async cut(world, random) {
    const { line } = anyNode(world, random)
    line.cut()
    await wait(50 + random.upTo(500))
    line.mend()
  },

  /** Each command takes long, but not too long. */
  async slow(world, random) {
    const { line } = anyNode(world, random)
    line.delay = 20 + random.upTo(100)
    await wait(300 + random.upTo(700))
    line.mend()
  },

  /** A line takes commands, and none gets through. */
  async hang(world, random) {
    const { line } = anyNode(world, random)
    line.fate = () => 'hang'
    await wait(storeTimeout * 1000 + random.upTo(500))
    line.cut()
    line.mend()
  },

  /** Replies are lost: commands are carried out, and the line breaks. */
  async replies(world, random) {
    const { line } = anyNode(world, random)
    line.fate = () => (random.chance(0.2) ? 'cut' : 'pass')
    await wait(300)
    line.mend()
  },

  /** Redis is killed, and comes back with what it had acknowledged. */
  async restart(world, random) {
    await world.redis.restart(random.upTo(300))
  },

  /** A process stands still, longer than it would wait for the store, and goes on. */
  async stop(world, random) {
    const node = anyNode(world, random)
    node.signal('SIGSTOP')
    await wait(storeTimeout * 1000 + random.upTo(1000))
    node.signal('SIGCONT')
  },

  /** The event loop of a process is blocked. */
  async stall(world, random) {
    const { port } = anyNode(world, random)
    const ms = storeTimeout * 1000 + random.upTo(500)
    await fetch(`http://127.0.0.1:${port}/stall?ms=${ms}`).catch(() => undefined)
  },

  /** Redis itself stands still. */
  async 'redis-sleep'(world, random) {
    await world.admin.sendCommand(['DEBUG', 'SLEEP', String(0.1 + random.upTo(600) / 1000)])
  },
}
