import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SessionError } from '../../../lib/base/errors'
import { addressOf } from '../../../lib/base/guide-address'

test('the address of a code is a section of the guide at the homepage of package.json', () => {
  const { homepage } = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as {
    homepage: string
  }
  expect(addressOf('STORE_TIMEOUT')).toBe(`${homepage}guide/troubleshooting#store_timeout`)
})

test('the message of an error ends with the address of its code', () => {
  const { message } = new SessionError('STORE_CLOSED', 'the store was closed')
  expect(message).toBe(`the store was closed (see ${addressOf('STORE_CLOSED')})`)
})

test('the message of a destroyed session is the text that programs compare', () => {
  expect(new SessionError('SESSION_DESTROYED', 'Session has been destroyed').message).toBe('Session has been destroyed')
})
