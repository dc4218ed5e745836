import { nameScript } from './redis-link'
import { checkLimit, insertRecord, summaryPattern } from './scripts'

/**
 * As `insertScript`, with its arguments, where the key holds no record. Replies that there is nothing where it holds one. A claim
 * that a client sends twice finds its own record the second time, and is refused: the caller reads again, and finds it too.
 */
export const claimScript = nameScript(`${checkLimit}
local found = redis.pcall('HMGET', KEYS[1], 'm', 't')
if not found.err and found[1] and found[2] and string.find(found[1], '${summaryPattern}') then return -(clock or 1) end
redis.call('UNLINK', KEYS[1])
${insertRecord}`)
