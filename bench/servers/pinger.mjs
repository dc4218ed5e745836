import { connect } from 'node:net'
import { performance } from 'node:perf_hooks'

/**
 * A stranger's connection to Redis: one PING after another, a millisecond apart, in a process of its own. Asked by a message,
 * it says the longest wait since the last time, in milliseconds.
 */
const socket = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true })
let longest = 0
let sent = 0

function ping() {
  sent = performance.now()
  socket.write('PING\r\n')
}

socket.once('connect', () => {
  ping()
  process.send('ready')
})
socket.on('data', () => {
  longest = Math.max(longest, performance.now() - sent)
  setTimeout(ping, 1)
})
process.on('message', () => {
  process.send(longest)
  longest = 0
})
process.on('disconnect', () => process.exit())
