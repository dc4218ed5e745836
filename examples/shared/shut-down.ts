import { once } from 'node:events'
import type { Server } from 'node:http'

/** What is closed after the server, in this order: the sessions, then the connection that their store uses. */
export type Closing = () => unknown

/**
 * Ends the program in order when a signal asks for it: first the server, so that requests that are running save their
 * sessions, then the rest. A second signal ends it at once.
 *
 * @param endConnections Ends what keeps a server open for ever, such as WebSockets.
 */
export function shutDownOnSignals(server: Server, closings: readonly Closing[], endConnections?: Closing): void {
  const shutDown = async () => {
    const closed = once(server, 'close')
    server.close()
    await endConnections?.()
    await closed
    for (const close of closings) await close()
    // All is saved and closed. A timer of a library can last longer: half a minute, for a client that Socket.IO waits
    // for.
    process.exit()
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      shutDown().catch((error: unknown) => {
        console.error(error)
        process.exit(1)
      })
    })
  }
}
