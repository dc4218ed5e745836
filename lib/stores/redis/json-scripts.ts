import { nameScript } from './redis-link'
import { readLimit } from './scripts'

/*
 * Scripts on a key that holds one JSON text, as connect-redis keeps a session. The rules of scripts.ts hold here too: one
 * key, the time limit first, and a script that Redis runs twice does the second time what it did the first.
 *
 * ARGV: the time limit; words: the lifetime in ms (0: the session ends), and for an insert 1 where the key must be new; texts.
 * Replies with a negative number (the time) for absent, a positive one for done, and { 2, time, text } another text is there.
 */

/** Sets `text` to what the key holds, false for nothing; ends the script when that is no text, which belongs to something
 * else and stays as it is. */
const readText = `
${readLimit}
local duration, isNew = string.match(ARGV[2], '^(%d+) ?(%S*)$')
local lifetime = tonumber(duration) or 0
local text = redis.pcall('GET', KEYS[1])
if type(text) == 'table' then
  if string.find(text.err, 'WRONGTYPE', 1, true) then return -clock end
  return text
end
`

const writeText = `
local function write(text)
  if lifetime > 0 then redis.call('SET', KEYS[1], text, 'PX', lifetime) else redis.call('UNLINK', KEYS[1]) end
end
`

/** ARGV[3]: the text. */
export const insertTextScript = nameScript(`${readText}${writeText}
if text and isNew == '1' and text ~= ARGV[3] then return { 2, clock } end
write(ARGV[3])
return clock
`)

/** ARGV[3]: the text that the caller read, ARGV[4]: the one in its place. */
export const replaceTextScript = nameScript(`${readText}${writeText}
if not text then return -clock end
if text ~= ARGV[3] and text ~= ARGV[4] then return { 2, clock, text } end
write(ARGV[4])
return clock
`)

/** ARGV[3]: the text that the caller read. */
export const extendTextScript = nameScript(`${readText}
if not text then return -clock end
if text ~= ARGV[3] then return { 2, clock, text } end
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', clock + lifetime))
return clock
`)

export const deleteTextScript = nameScript(`${readText}
if text then redis.call('UNLINK', KEYS[1]) end
return clock
`)
