import { longestRetention } from '../../session/lifetime'
import { mostPending } from '../../session/record'
import { lateStatus, nameScript } from './redis-link'

/*
 * What has to be one step is one script on one key. A script that fails writes nothing: what can be refused (a full
 * memory, a replica that became read-only) is refused at its first write.
 *
 * Each replies with an array whose second element is the server's time in milliseconds. Later versions may append to it.
 *
 * The first word of ARGV[1] is the call's time limit by the server's clock, or `-`. A command that arrives after it, because
 * it was held up on the way, does nothing and replies { 9, time }: its caller has been told that it failed, and may have
 * stored something newer since.
 *
 * A client may send a command again after it lost the connection, not knowing that it had been executed (the `redis`
 * package does so behind a sentinel). So what ran once may run once more: a second insert writes the same, a second
 * change finds its own new hash in the record and reports what the first one did, a second delete finds nothing.
 */

/** Sets `word` to the words of ARGV[1], and `clock`; ends the script when it is too late. */
export const readLimit = `
local word = string.gmatch(ARGV[1], '%S+')
local time = redis.call('TIME')
local clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local limit = tonumber(word())
if limit and clock > limit then return { ${lateStatus}, clock } end
`

/** Reads the record as record-layout.ts describes it; what does not look so, is none. Numbers stay text. */
export const readRecord = `
local function isNumber(text)
  return text == '-' or string.match(text, '^%d+$')
end

local function read(key)
  local found = redis.pcall('HMGET', key, 'm', 's', 'w', 'u')
  if found.err or not found[1] then return nil end
  local version, hash, epoch, created, issued, accessed, expires, idle, previous, overlap, rest =
    string.match(found[1], '^(%d+) (%S+) (%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+) (%S+)(.*)$')
  if not version or not isNumber(idle) or not isNumber(overlap) then return nil end
  local pending, bound, more = string.match(rest, '^ (%S+) (%S+)(.*)$')
  if not pending or not isNumber(bound) then pending, bound, more = '-', '-', '' end
  return { version = version, hash = hash, epoch = epoch, created = created, issued = issued, accessed = accessed,
    expires = expires, idle = idle, previous = previous, overlap = overlap, pending = pending, bound = bound,
    rest = more, subject = found[2] or '', watched = found[3], index = found[4], text = found[1] }
end

local function isLive(record, now)
  return now < tonumber(record.expires) and (record.idle == '-' or now < tonumber(record.idle))
end
`

/** `retainUntil` of lifetime.ts, and the fields of a session written a thousand at a time, because Lua cannot pass on
 * more than some thousand arguments at once. */
export const writeRecord = `
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

/** `renew` and `confirm` of record.ts. Lists of hashes are one word, with commas. */
const renewRecord = `
local function renew(record, from, after, to, issued, overlap)
  local last = string.match(record.pending, '([^,]+)$')
  if to == record.hash or to == last then return 2 end
  if from ~= record.hash or after ~= last then return 1 end
  record.previous = '-'
  if tonumber(overlap) <= tonumber(issued) then
    record.hash, record.issued, record.overlap, record.pending = to, issued, '-', '-'
    return 2
  end
  local pending = record.pending == '-' and to or record.pending .. ',' .. to
  local _, commas = string.gsub(pending, ',', '')
  if commas >= ${mostPending} then pending = string.match(pending, ',(.*)$') end
  record.pending, record.overlap = pending, overlap
  return 2
end

local function confirm(record, shown, at)
  local list = ',' .. record.pending .. ','
  local first, last = string.find(list, ',' .. shown .. ',', 1, true)
  if not first then return end
  local previous = record.previous == '-' and record.hash or record.previous .. ',' .. record.hash
  if first > 1 then previous = previous .. ',' .. string.sub(list, 2, first - 1) end
  local later = string.sub(list, last + 1, -2)
  record.previous, record.pending = previous, later == '' and '-' or later
  record.hash, record.issued = shown, at
end
`

/** Enters a session into its subject's index again, which Redis may have lost apart from it: see subject-index.ts. On a
 * cluster the index lies elsewhere, `u` is absent, and the store does it with a command of its own. */
const healIndex = `
local function heal(record)
  if not record.index then return end
  local member = string.sub(KEYS[1], #record.index - 44) .. ':' .. record.created
  if redis.pcall('ZADD', record.index, 'GT', 'CH', record.expires, member) ~= 1 then return end
  local last = math.max(redis.call('PEXPIRETIME', record.index), tonumber(record.expires))
  redis.call('PEXPIREAT', record.index, string.format('%.0f', last))
end
`

/** Keeps the record; see `insertScript`. */
export const insertRecord = `
local last = word()
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('UNLINK', KEYS[1]) end
ARGV[3] = string.gsub(ARGV[3], '%+$', string.format('%.0f', clock))
each('HSET', KEYS[1], 2, #ARGV)
redis.call('PEXPIREAT', KEYS[1], last)
return { 1, clock }
`

/**
 * KEYS: the record. ARGV: words "limit, deadline of the record", then names and values of all fields, the record first; a
 * `+` at its end stands for the time.
 * Nothing else has this handle, but a command that a client sends twice does.
 */
export const insertScript = nameScript(`${readLimit}${writeRecord}${insertRecord}`)

/**
 * `changeRecord` of record.ts, on the server. KEYS: the record. ARGV: see change-arguments.ts.
 * Replies { 0, time } for gone, and { 1 for stored or 2 for renewed, time, watched, subject, createdAt, expiresAt } for the
 * rest: `subject` is the one whose index the caller has to see to, or '': the one before where the change binds, and
 * otherwise that of a record without `u`.
 */
export const changeScript = nameScript(`${readLimit}${readRecord}${writeRecord}${renewRecord}${healIndex}
local now, epoch, removals = tonumber(word()), word(), tonumber(word())
local record = read(KEYS[1])
if not record or not isLive(record, now) then return { 0, clock } end
local at = 2
local status = 1
local hash, stored = record.hash, record.epoch
local owner, created, expires = record.subject, record.created, record.expires
local replacing, subject, context, index

for step in word do
  if step == 'o' then
    local before = tonumber(word())
    if record.subject ~= ARGV[at] then return { 0, clock } end
    if before and record.bound ~= '-' and tonumber(record.bound) > before then return { 0, clock } end
    at = at + 1
  elseif step == 'a' then
    local accessed, idle = word(), word()
    if tonumber(accessed) > tonumber(record.accessed) then record.accessed = accessed end
    if idle ~= '-' and (record.idle == '-' or tonumber(idle) > tonumber(record.idle)) then record.idle = idle end
  elseif step == 'n' then
    local from, after, to, issued, overlap = word(), word(), word(), word(), word()
    status = renew(record, from, after, to, issued, overlap)
  elseif step == 'c' then
    confirm(record, word(), word())
  elseif step == 'r' then
    replacing, record.issued = word(), word()
    record.hash, record.previous, record.overlap, record.pending = replacing, '-', '-', '-'
    record.epoch = string.format('%.0f', tonumber(stored) + 1)
  elseif step == 'b' then
    record.created, record.idle, record.expires = word(), word(), word()
    record.accessed = record.created
    record.bound = string.format('%.0f', clock)
    subject, context, index = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
  end
end

-- Sent once more; a login may keep the id, but restarts the lifetime.
if replacing == hash and record.created == created then return { 1, clock, record.watched or '', '' } end
if epoch ~= '-' and epoch ~= stored then return { 0, clock } end

local text = table.concat({ record.version, record.hash, record.epoch, record.created, record.issued, record.accessed,
  record.expires, record.idle, record.previous, record.overlap, record.pending, record.bound }, ' ') .. record.rest
local last = deadline(record)
each('HDEL', KEYS[1], at, at + removals - 1)
each('HSET', KEYS[1], at + removals, #ARGV)
if subject then
  for name, value in pairs({ s = subject, x = context, u = index }) do
    if value == '' then redis.call('HDEL', KEYS[1], name) else redis.call('HSET', KEYS[1], name, value) end
  end
end
if text ~= record.text then
  redis.call('HSET', KEYS[1], 'm', text)
  redis.call('PEXPIREAT', KEYS[1], last)
end
if not subject then
  heal(record)
  if record.index then owner = '' end
end
return { status, clock, record.watched or '', owner, created, expires }
`)

/**
 * KEYS: the record. ARGV: words "limit, now, createdAt that it must have or -, hash that it must have or -, instant after
 * which it must not have been bound or -", and the subject that it must have, or none.
 * Replies { 0, time } when there is no such record, { 3, time } when there is a live one that does not meet the conditions.
 * Otherwise it is deleted now, and the reply is { 1 when it was live, 2 when it had ended by time, time, watched, subject
 * or '', createdAt }.
 */
export const deleteScript = nameScript(`${readLimit}${readRecord}
local record = read(KEYS[1])
if not record then return { 0, clock } end
local now, created, hash, before = tonumber(word()), word(), word(), tonumber(word())
local live = isLive(record, now)
if (ARGV[2] and ARGV[2] ~= record.subject) or (created ~= '-' and created ~= record.created)
  or (hash ~= '-' and hash ~= record.hash)
  or (before and record.bound ~= '-' and tonumber(record.bound) > before) then
  return { live and 3 or 0, clock }
end
redis.call('UNLINK', KEYS[1])
return { live and 1 or 2, clock, record.watched or '', record.subject, record.created }
`)

/**
 * KEYS: a subject's index. ARGV: words "limit, when the entry may be removed", and the entry. Entries whose time was over
 * a minute ago, by the clock of this server, are removed. The new entry comes first, so that a full memory refuses it
 * before anything is written. The index itself lives as long as the entry that lives longest.
 */
export const listScript = nameScript(`${readLimit}
local expires = word()
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'zset' and kind ~= 'none' then redis.call('UNLINK', KEYS[1]) end
redis.call('ZADD', KEYS[1], 'GT', expires, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', clock - 60000))
local last = math.max(redis.call('PEXPIRETIME', KEYS[1]), tonumber(expires))
redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
return { 1, clock }
`)

/**
 * KEYS: the record. ARGV: until when it is watched. Replies with the fields and values of the record, or with nothing when
 * there is none. A server that cannot write now (a full memory) still replies: then changes are not published, and the
 * watching process finds them when it next reads the record.
 */
export const watchScript = nameScript(`${readRecord}
local record = read(KEYS[1])
if not record then return {} end
if tonumber(ARGV[1]) > (tonumber(record.watched or '') or 0) then redis.pcall('HSET', KEYS[1], 'w', ARGV[1]) end
return redis.call('HGETALL', KEYS[1])
`)
