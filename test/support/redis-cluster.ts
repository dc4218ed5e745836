import { createCluster } from 'redis'
import { freePort, RedisServer } from './redis-server'

const slots = 16384

/** Three masters that share the slots, without replicas: set up by hand, because `redis-cli --cluster create` asks. */
export class RedisClusterServers {
  readonly nodes: readonly RedisServer[]
  readonly #clients: { readonly isOpen: boolean; destroy(): void }[] = []

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  static async start(masters = 3): Promise<RedisClusterServers> {
    const ports = await Promise.all(Array.from({ length: masters }, () => freePort()))
    const nodes = await Promise.all(ports.map((busPort) => RedisServer.start(clusterOptions(busPort))))
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
    return new RedisClusterServers(nodes)
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

  async stop(): Promise<void> {
    for (const client of this.#clients) if (client.isOpen) client.destroy()
    await Promise.all(this.nodes.map((node) => node.stop()))
  }
}

function clusterOptions(busPort: number): Record<string, string> {
  return { 'cluster-enabled': 'yes', 'cluster-port': String(busPort), 'cluster-node-timeout': '5000' }
}

async function agreed(node: RedisServer, masters: number): Promise<void> {
  const client = await node.connect()
  for (;;) {
    const info = await client.sendCommand<string>(['CLUSTER', 'INFO'])
    if (info.includes('cluster_state:ok') && info.includes(`cluster_size:${masters}`)) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  client.destroy()
}
