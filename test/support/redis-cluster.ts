import { createCluster } from 'redis'
import { freePort, RedisServer } from './redis-server'

const slots = 16384

/** Three masters that share the slots, without replicas: set up by hand, because `redis-cli --cluster create` asks. */
export class RedisClusterServers {
  readonly nodes: readonly RedisServer[]
  readonly #nodeTimeout: number
  readonly #replicas: RedisServer[] = []
  readonly #clients: { readonly isOpen: boolean; destroy(): void }[] = []

  private constructor(nodes: readonly RedisServer[], nodeTimeout: number) {
    this.nodes = nodes
    this.#nodeTimeout = nodeTimeout
  }

  /** @param nodeTimeout Milliseconds after which a silent node counts as dead. */
  static async start(masters = 3, nodeTimeout = 5000): Promise<RedisClusterServers> {
    const ports = await Promise.all(Array.from({ length: masters }, () => freePort()))
    const nodes = await Promise.all(ports.map((busPort) => RedisServer.start(clusterOptions(busPort, nodeTimeout))))
    const share = Math.ceil(slots / masters)
    for (const [index, node] of nodes.entries()) {
      const client = await node.connect()
      const range = [String(index * share), String(Math.min(slots, (index + 1) * share) - 1)]
      await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', ...range])
      await client.sendCommand(['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)])
      const first = nodes[0]
      if (first !== undefined && first !== node) {
        await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(first.port), String(ports[0])])
      }
      client.destroy()
    }
    await Promise.all(nodes.map((node) => agreed(node, masters)))
    return new RedisClusterServers(nodes, nodeTimeout)
  }

  get rootNodes(): { url: string }[] {
    return this.nodes.map(({ url }) => ({ url }))
  }

  async connect() {
    const cluster = createCluster({ rootNodes: this.rootNodes })
    cluster.on('error', () => undefined)
    this.#clients.push(cluster)
    await cluster.connect()
    return cluster
  }

  /** Adds a replica of a master; resolves when it has its data. */
  async addReplica(of: RedisServer): Promise<void> {
    const busPort = await freePort()
    const replica = await RedisServer.start(clusterOptions(busPort, this.#nodeTimeout))
    this.#replicas.push(replica)
    const [client, master] = await Promise.all([replica.connect(), of.connect()])
    const [id, address] = [await master.sendCommand<string>(['CLUSTER', 'MYID']), `127.0.0.1:${of.port}@`]
    const line = (await master.sendCommand<string>(['CLUSTER', 'NODES']))
      .split('\n')
      .find((one) => one.includes('myself'))
    const bus = /@(\d+)/.exec(line ?? '')?.[1] ?? ''
    await client.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(of.port), bus])
    while (!(await client.sendCommand<string>(['CLUSTER', 'NODES'])).includes(address)) await pause()
    while ((await client.sendCommand<string>(['CLUSTER', 'REPLICATE', id]).catch(() => undefined)) !== 'OK') {
      await pause()
    }
    while (!(await client.info('replication')).includes('master_link_status:up')) await pause()
    while (!(await this.#isKnownEverywhere(replica.port))) await pause()
  }

  async #isKnownEverywhere(port: number): Promise<boolean> {
    const views = await Promise.all(
      this.nodes.map(async (node) => {
        const client = await node.connect()
        const view = await client.sendCommand<string>(['CLUSTER', 'NODES'])
        client.destroy()
        return view
      }),
    )
    const isReplica = (line: string) => line.includes(`:${port}@`) && line.includes('slave')
    return views.every((view) => view.split('\n').some(isReplica))
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) if (client.isOpen) client.destroy()
    await Promise.all([...this.nodes, ...this.#replicas].map((node) => node.stop()))
  }
}

function clusterOptions(busPort: number, nodeTimeout: number): Record<string, string> {
  return { 'cluster-enabled': 'yes', 'cluster-port': String(busPort), 'cluster-node-timeout': String(nodeTimeout) }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

async function agreed(node: RedisServer, masters: number): Promise<void> {
  const client = await node.connect()
  for (;;) {
    const info = await client.sendCommand<string>(['CLUSTER', 'INFO'])
    if (info.includes('cluster_state:ok') && info.includes(`cluster_size:${masters}`)) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  client.destroy()
}
