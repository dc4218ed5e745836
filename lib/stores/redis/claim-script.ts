import { nameScript } from './redis-link'
import { insertRecord, readLimit, readRecord, writeRecord } from './scripts'

/**
 * As `insertScript`, with its arguments, where the key holds no record. Replies { 0, time } where it holds one. A claim that
 * a client sends twice finds its own record the second time, and is refused: the caller looks again, and finds it too.
 */
export const claimScript = nameScript(`${readLimit}${readRecord}${writeRecord}
if read(KEYS[1]) then return { 0, clock } end
${insertRecord}`)
