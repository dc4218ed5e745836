import type { RedisNodeClient } from '../../lib/redis'

/** Sends a command on, or does something else in its place. */
export type Around = (args: string[], send: () => Promise<unknown>) => Promise<unknown>

/** A client whose commands a test sees one by one: to do something between two of them, or to repeat one. */
export function wrapClient(client: RedisNodeClient, around: Around): RedisNodeClient {
  return {
    isOpen: true,
    sendCommand: (args, options) => around(args, () => client.sendCommand(args, options)),
  }
}
