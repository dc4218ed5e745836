import { createClient } from 'redis'

export type Client = Awaited<ReturnType<typeof connect>>

export function connect(port: number) {
  return createClient({ url: `redis://127.0.0.1:${port}` }).connect()
}

/** A number that Redis says of itself, such as `used_memory`. */
export async function infoOf(client: Client, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(await client.info())?.[1])
}

/** Redis' own time for each command while the work is done, in microseconds, by name. What a script calls is in its own time
 * too. */
export async function commandTimes(client: Client, work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
  await client.configResetStat()
  await work()
  const stats = await client.info('commandstats')
  const lines = stats.matchAll(/^cmdstat_(\w+):calls=\d+,usec=(\d+)/gm)
  return new Map([...lines].map(([, name = '', time]) => [name, Number(time)]))
}

/** Does the work for each item, `size` of them at a time. */
export async function inBatches<T>(
  items: readonly T[],
  size: number,
  work: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < items.length; from += size) {
    await Promise.all(items.slice(from, from + size).map((item, index) => work(item, from + index)))
  }
}
