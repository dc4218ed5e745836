import { longestRetention } from '../../session/lifetime'
import { nameScript } from './redis-link'

/*
 * What has to be one step is one script on one key. A script that fails writes nothing: what can be refused (a full
 * memory, a replica that became read-only) is refused at its first write.
 *
 * Each answers with an array, so that a later version can add to it.
 *
 * A client may send a command again after it lost the connection, not knowing that it had been executed (the `redis`
 * package does so behind a sentinel). So whatever ran once may run once more: a second insert writes the same, a second
 * change finds its own new hash in the record and reports what the first one did, a second delete finds nothing.
 */

/** Reads the record as record-layout.ts describes it; whatever does not look so, is none. Numbers stay text. */
const readRecord = `
local function read(key)
  local found = redis.pcall('HMGET', key, 'm', 's', 'w')
  if found.err or not found[1] then return nil end
  local version, hash, epoch, created, issued, accessed, expires, idle, previous, overlap, rest =
    string.match(found[1], '^(%d+) (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+) (%S+)(.*)$')
  if not version then return nil end
  if idle ~= '-' and not string.match(idle, '^%d+$') then return nil end
  if overlap ~= '-' and not string.match(overlap, '^%d+$') then return nil end
  return { version = version, hash = hash, epoch = epoch, created = created, issued = issued, accessed = accessed,
    expires = expires, idle = idle, previous = previous, overlap = overlap, rest = rest,
    subject = found[2] or '', watched = found[3], text = found[1] }
end

local function isLive(record, now)
  return now < tonumber(record.expires) and (record.idle == '-' or now < tonumber(record.idle))
end
`

/** `retainUntil` of lifetime.ts, and the fields of a session written a thousand at a time, because Lua cannot pass on
 * more than some thousand arguments at once. */
const writeRecord = `
local function deadline(record)
  local last = tonumber(record.expires)
  if record.idle ~= '-' then
    local idle = tonumber(record.idle)
    local grace = math.min(${longestRetention * 1000}, math.max(0, idle - tonumber(record.accessed)))
    last = math.min(last, idle + grace)
  end
  return string.format('%.0f', last)
end

local function each(command, key, from, to)
  for i = from, to, 1000 do
    redis.call(command, key, unpack(ARGV, i, math.min(i + 999, to)))
  end
end
`

/**
 * KEYS: the record. ARGV: deadline, then names and values of all fields.
 * Nothing else has this handle, but a command that a client sends twice does.
 */
export const insertScript = nameScript(`${writeRecord}
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('UNLINK', KEYS[1]) end
each('HSET', KEYS[1], 2, #ARGV)
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return { 1 }
`)

/**
 * `changeRecord` of record.ts, on the server. KEYS: the record. ARGV: see change-arguments.ts.
 * Answers { 0 } for gone, { 1, watched } for stored, { 2, watched } for renewed.
 */
export const changeScript = nameScript(`${readRecord}${writeRecord}
local word = string.gmatch(ARGV[1], '%S+')
local now, epoch, removals = tonumber(word()), word(), tonumber(word())
local record = read(KEYS[1])
if not record or not isLive(record, now) then return { 0 } end
local at = 2
local status = 1
local hash, stored = record.hash, record.epoch
local replacing, subject, context

for step in word do
  if step == 'o' then
    if record.subject ~= ARGV[at] then return { 0 } end
    at = at + 1
  elseif step == 'a' then
    local accessed, idle = word(), word()
    if tonumber(accessed) > tonumber(record.accessed) then record.accessed = accessed end
    if idle ~= '-' and (record.idle == '-' or tonumber(idle) > tonumber(record.idle)) then record.idle = idle end
  elseif step == 'n' then
    local from, to, issued, overlap = word(), word(), word(), word()
    if from == hash then
      record.hash, record.issued, record.previous, record.overlap = to, issued, from, overlap
      status = 2
    elseif to == hash then
      status = 2
    end
  elseif step == 'r' then
    replacing, record.issued = word(), word()
    record.hash, record.previous, record.overlap = replacing, '-', '-'
    record.epoch = string.format('%.0f', tonumber(stored) + 1)
  elseif step == 'b' then
    record.created, record.idle, record.expires = word(), word(), word()
    record.accessed = record.created
    subject, context = ARGV[at], ARGV[at + 1]
    at = at + 2
  end
end

if replacing == hash then return { 1, record.watched } end
if epoch ~= '-' and epoch ~= stored then return { 0 } end

local text = table.concat({ record.version, record.hash, record.epoch, record.created, record.issued, record.accessed,
  record.expires, record.idle, record.previous, record.overlap }, ' ') .. record.rest
local last = deadline(record)
each('HDEL', KEYS[1], at, at + removals - 1)
each('HSET', KEYS[1], at + removals, #ARGV)
if subject then
  if subject == '' then redis.call('HDEL', KEYS[1], 's') else redis.call('HSET', KEYS[1], 's', subject) end
  if context == '' then redis.call('HDEL', KEYS[1], 'x') else redis.call('HSET', KEYS[1], 'x', context) end
end
if text ~= record.text then
  redis.call('HSET', KEYS[1], 'm', text)
  redis.call('PEXPIREAT', KEYS[1], last)
end
return { status, record.watched }
`)

/**
 * KEYS: the record. ARGV: words "now, createdAt that it must have or -, hash that it must have or -", and the subject that
 * it must have, or none.
 * Replies { 0 } when there is no such record, { 3 } when there is a live one that does not meet the conditions. Otherwise it is deleted now, and
 * the reply is { 1 when it was live, 2 when it had ended by time, subject or '', createdAt, watched }.
 */
export const deleteScript = nameScript(`${readRecord}
local record = read(KEYS[1])
if not record then return { 0 } end
local now, created, hash = string.match(ARGV[1], '^(%S+) (%S+) (%S+)')
local live = isLive(record, tonumber(now))
if (ARGV[2] and ARGV[2] ~= record.subject) or (created ~= '-' and created ~= record.created)
  or (hash ~= '-' and hash ~= record.hash) then
  return { live and 3 or 0 }
end
redis.call('UNLINK', KEYS[1])
return { live and 1 or 2, record.subject, record.created, record.watched }
`)

/**
 * KEYS: a subject's index. ARGV: entry, when it may be forgotten, and until when others must have been to be forgotten
 * now. The new entry comes first, so that a full memory refuses it before anything is written. The index itself lives as
 * long as the entry that lives longest.
 */
export const listScript = nameScript(`
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'zset' and kind ~= 'none' then redis.call('UNLINK', KEYS[1]) end
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
local last = math.max(redis.call('PEXPIRETIME', KEYS[1]), tonumber(ARGV[2]))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
return { 1 }
`)

/**
 * KEYS: the record. ARGV: until when somebody watches it. Answers with the fields and values of the record, or with
 * nothing when there is none. A server that cannot write now (a full memory) still answers: then changes are not told of,
 * and whoever watches finds them at the next look.
 */
export const watchScript = nameScript(`${readRecord}
local record = read(KEYS[1])
if not record then return {} end
if tonumber(ARGV[1]) > (tonumber(record.watched or '') or 0) then redis.pcall('HSET', KEYS[1], 'w', ARGV[1]) end
return redis.call('HGETALL', KEYS[1])
`)
