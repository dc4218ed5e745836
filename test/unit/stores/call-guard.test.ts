import type { CallDeadline } from '../../../lib/base/call-deadline'
import { CallGuard } from '../../../lib/stores/call-guard'

const timedOut = { code: 'STORE_TIMEOUT', status: 503 }

/** Blocks the event loop, as a stopped process or a long computation does. */
function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

const later = <T>(milliseconds: number, value: T) =>
  new Promise<T>((resolve) => setTimeout(() => resolve(value), milliseconds))

test('a call that takes longer than the time limit rejects with STORE_TIMEOUT', async () => {
  const hung = new CallGuard(0.02).run('load', () => new Promise(() => undefined))
  const message = expect.stringContaining('did not reply to "load" within storeTimeout; check the store')
  await expect(hung).rejects.toMatchObject({ ...timedOut, message })
})

test('a result that has arrived while the process stood still counts, although the time limit has passed', async () => {
  const { connect } = await import('node:net')
  // In another process, so that the reply is sent while this one stands still.
  const { spawn } = await import('node:child_process')
  const serve = "require('net').createServer((s) => s.on('data', () => s.write('reply')))"
  const start = ".listen(0, '127.0.0.1', function () { console.log(this.address().port) })"
  const other = spawn(process.execPath, ['-e', serve + start])
  try {
    const port = await new Promise<number>((resolve) => other.stdout.once('data', (text) => resolve(Number(text))))
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    const onLate = jest.fn()
    const onFailed = jest.fn()
    const call = () => {
      const reply = new Promise((resolve) => socket.once('data', (data) => resolve(String(data))))
      socket.write('ask')
      return reply
    }
    const result = new CallGuard(0.1).run('load', call, onLate, onFailed)
    setImmediate(() => block(400))
    expect(await result).toBe('reply')
    await later(20, undefined)
    expect([onLate.mock.calls, onFailed.mock.calls]).toEqual([[], []])
    socket.destroy()
  } finally {
    other.kill('SIGKILL')
  }
})

test('a result that comes after the time limit goes to onLate, once; one in time does not', async () => {
  const late: number[] = []
  const onLate = (result: number) => late.push(result)
  let reply: (result: number) => void = () => undefined
  const slow = new Promise<number>((resolve) => (reply = resolve))
  await expect(new CallGuard(0.02).run('change', () => slow, onLate)).rejects.toMatchObject(timedOut)
  expect(late).toEqual([])
  reply(1)
  await later(0, 0)
  expect(late).toEqual([1])
  expect(await new CallGuard(60).run('change', () => later(1, 2), onLate)).toBe(2)
  expect(late).toEqual([1])
})

test('the call learns when its caller stops to wait, also when the timer fires a little early', async () => {
  const standing = jest.spyOn(performance, 'now').mockReturnValue(1000)
  let deadline: CallDeadline | undefined
  const result = new CallGuard(0.005).run('deleteAll', (given) => {
    deadline = given
    return new Promise(() => undefined)
  })
  expect(deadline?.isOver).toBe(false)
  await expect(result).rejects.toMatchObject(timedOut)
  expect([deadline?.isOver, deadline?.remaining]).toEqual([true, 0])
  standing.mockRestore()
})

test('the call learns when its caller stops to wait', async () => {
  let deadline: CallDeadline | undefined
  const guard = new CallGuard(0.05)
  const result = guard.run('deleteAll', (given) => {
    deadline = given
    return new Promise(() => undefined)
  })
  expect(deadline?.isOver).toBe(false)
  expect(deadline?.remaining).toBeGreaterThan(0)
  await expect(result).rejects.toMatchObject(timedOut)
  expect(deadline?.isOver).toBe(true)
})

test('an error that cannot be asked for its class is a failure of the store', async () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const unavailable = { code: 'STORE_UNAVAILABLE', status: 503 }
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a store may do
  await expect(new CallGuard(1).run('load', () => Promise.reject(proxy))).rejects.toMatchObject(unavailable)
  const throwing = () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a store may do
    throw proxy
  }
  expect(() => new CallGuard(1).run('load', throwing)).toThrow(expect.objectContaining(unavailable))
})
