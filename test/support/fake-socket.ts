import { EventEmitter } from 'node:events'

/** A socket that looks like one of `ws`, for tests that open thousands or turn the clock. */
export class FakeSocket extends EventEmitter {
  readyState = 1
  closedWith: [code: number | undefined, reason: string | undefined] | undefined
  terminated = false
  isPaused = false
  /** Whether the client closes its side too when the server closes. */
  closesInReturn = true

  close(code?: number, reason?: string): void {
    if (this.readyState > 1) return
    this.readyState = 2
    this.closedWith = [code, reason]
    if (this.closesInReturn) this.hangUp()
  }

  terminate(): void {
    this.terminated = true
    this.hangUp()
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    this.isPaused = false
  }

  /** As the client does that leaves. */
  hangUp(): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.emit('close', 1000, Buffer.from(''))
  }

  /** Listeners of all events together. */
  countListeners(): number {
    return this.eventNames().reduce((count, name) => count + this.listenerCount(name), 0)
  }
}

/** The request of a handshake with this session. */
export function handshake(id: string, headers: Record<string, string> = {}): { headers: Record<string, string> } {
  return { headers: { host: 'app.example.com', cookie: `sid=${id}`, ...headers } }
}

/** Lets everything happen that is due in this turn and the next. */
export async function turn(times = 3): Promise<void> {
  for (let i = 0; i < times; i++) await new Promise((resolve) => setImmediate(resolve))
}
