import { longestRetention } from '../../session/lifetime'
import { mostPending } from '../../session/record'
import { lateStatus, nameScript, type Script } from './redis-link'

/*
 * What has to be one step is one script on one key. A script that fails writes nothing: what can be refused (a full
 * memory, a replica that became read-only) is refused at its first write.
 *
 * Each replies with a positive number for "done, and nothing more to say", a negative one for "there is no such session", and
 * otherwise with an array whose first element is the status. The number, and the second element, is the server's time in
 * milliseconds, or 1 where the time was not asked for. Later versions may append to the array.
 *
 * ARGV[1] is the call's time limit by the server's clock, see `limitArgument` of redis-link.ts. A command that arrives after
 * it, because it was held up on the way, does nothing and replies { 9, time }: it has failed for its caller, which may have
 * stored something newer since.
 *
 * A client may send a command again after it lost the connection, not knowing that it had been executed (the `redis`
 * package does so behind a sentinel). So what ran once may run once more: a second insert writes the same, a second
 * change finds its own new hash in the record and reports what the first one did, a second delete finds nothing.
 *
 * All clients of a Redis wait while a script runs. So the common ones define no functions (each run would make them anew) and
 * take words at fixed places in place of patterns: a change of values costs half of what the general script does.
 */

/**
 * Ends the script when it is too late. Compares texts: the whole seconds with the limit less a second. Only where that does not
 * decide does it take numbers out of them, which costs as much as asking for the time; then it sets `clock`, milliseconds with a
 * fraction. The caller asks for that by a limit which never decides. So the time is in a reply now and then, and
 * `clock or 1` elsewhere.
 */
export const checkLimit = `
local time, clock = redis.call('TIME')
if time[1] > ARGV[1] then
  clock = time[1] * 1000 + time[2] / 1000
  if clock > ARGV[1] + 1000 then return { ${lateStatus}, clock } end
end
`

/** As `checkLimit`, where the script needs the time itself. */
export const readLimit = `${checkLimit}
clock = clock or time[1] * 1000 + time[2] / 1000
`

/** The parts of `m`: when the session ends, the hash of its id, the epoch, and the marks. */
export const summaryPattern = `^(${'%d'.repeat(13)})(${'[%w_-]'.repeat(43)})(%d+)%+?%*?$`

/** Keeps the record; see `insertScript`. */
export const insertRecord = `
if ARGV[5] == 'b' then ARGV[6] = string.format('%.0f', clock or time[1] * 1000 + time[2] / 1000) end
local added
if #ARGV < 1000 then added = redis.pcall('HSET', KEYS[1], 'm', ARGV[3], 't', ARGV[4], unpack(ARGV, 5)) end
if added ~= #ARGV / 2 then
  if type(added) == 'table' and not string.find(added.err, 'WRONGTYPE', 1, true) then return added end
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'm', ARGV[3], 't', ARGV[4])
  for i = 5, #ARGV, 1000 do
    redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
  end
end
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return clock or 1
`

/**
 * KEYS: the record. ARGV: limit, deadline of the record, what `encodeRecord` gives, then names and values of fields.
 * Nothing else has this handle, but a command that a client sends twice does, and a key that belongs to something else might.
 */
export const insertScript = nameScript(`${checkLimit}${insertRecord}`)

/** What a store's change scripts have to know of it. */
export interface ChangeScripts {
  /** Sets fields and does nothing else; see `fieldArguments`. */
  readonly fields: Script
  /** Everything that a change can be; see `changeArguments`. */
  readonly general: Script
}

/**
 * The scripts that change a session. They enter it into its subject's index again when Redis has lost the entry
 * (subject-index.ts), the one for fields only when it is asked to; on a cluster, where the index lies on another node, the
 * store does it.
 *
 * Both reply { status, time, watched, entry } or, where the last two are empty, a positive number. `entry` is the one that was
 * looked for, or, of a change that binds, the one that the session had before.
 *
 * @param prefixBytes How much of a key is the prefix of the store.
 */
export function changeScripts(prefixBytes: number, isCluster: boolean): ChangeScripts {
  const heal = isCluster ? '' : healIndex(prefixBytes)
  return { fields: nameScript(fieldsText(heal)), general: nameScript(generalText(heal)) }
}

/** Sets the entry of the index again that `entry` names, unless it is there. */
function healIndex(prefixBytes: number): string {
  return `
if entry then
  local subject, created, expires = string.match(entry, '^(%S+) (%S+) (%S+)$')
  if subject then
    local index = string.sub(KEYS[1], 1, ${prefixBytes}) .. 'u:' .. subject
    local member = string.sub(KEYS[1], ${prefixBytes + 1}) .. ':' .. created
    if redis.pcall('ZSCORE', index, member) == false then
      expires = tonumber(expires, 36)
      redis.call('ZADD', index, expires, member)
      local last = math.max(redis.call('PEXPIRETIME', index), expires)
      redis.call('PEXPIREAT', index, string.format('%.0f', last))
    end
  end
end
`
}

/** A session that is neither watched nor in need of its entry takes two comparisons; the rest is in the branch. */
const fieldsText = (heal: string): string => `${checkLimit}
local key, wanted = KEYS[1], ARGV[3]
local m = redis.pcall('HGET', key, 'm')
if not m or #m < 57 or m < ARGV[2] then return -(clock or 1) end
local tail, watched, entry = string.sub(m, 57)
if tail ~= wanted then
  local stored, listed, mark = string.match(tail, '^(%d+)(%+?)(%*?)$')
  local epoch, healed = string.match(wanted, '^([%d-]+)(%+?)$')
  if not stored or not tonumber(string.sub(m, 1, 13)) then return -(clock or 1) end
  if epoch ~= stored and epoch ~= '-' then return -(clock or 1) end
  if mark == '*' then watched = redis.call('HGET', key, 'w') end
  if listed == '+' and healed == '' then entry = redis.call('HGET', key, 'u') end
end
redis.call('HSET', key, unpack(ARGV, 4))
${heal}
if watched or entry then return { 1, clock or 1, watched or '', entry or '' } end
return clock or 1
`

/** `renew` and `confirm` of record.ts. Lists of hashes are one word, with commas. */
const renewRecord = `
local function renew(record, from, after, to, issued, overlap)
  local last = string.match(record.pending, '([^,]+)$')
  if to == record.hash or to == last then return 2 end
  if from ~= record.hash or after ~= last then return 1 end
  record.previous = '-'
  if tonumber(overlap, 36) <= tonumber(issued, 36) then
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

/** When the record ends, and until when it is kept (`retainUntil` of lifetime.ts), in ms. */
const readDeadlines = `
local function deadlines(record)
  local expires = tonumber(record.expires, 36)
  if record.idle == '-' then return expires, expires end
  local idle = tonumber(record.idle, 36)
  local grace = math.min(${longestRetention * 1000}, math.max(0, idle - tonumber(record.accessed, 36)))
  return math.min(expires, idle), math.min(expires, idle + grace)
end
`

/** `changeRecord` of record.ts, on the server. */
const generalText = (heal: string): string => `${readLimit}${renewRecord}${readDeadlines}
local word = string.gmatch(ARGV[2], '%S+')
local now, epoch, removals = word(), word(), tonumber(word())
local found = redis.pcall('HMGET', KEYS[1], 'm', 't', 'p', 'n', 's', 'w', 'u', 'b')
if found.err or not found[1] or not found[2] then return -clock end
local ends, hash, stored = string.match(found[1], '${summaryPattern}')
local version, created, issued, accessed, expires, idle, overlap, rest =
  string.match(found[2] .. ' ', '^(%d+) (%w+) (%w+) (%w+) (%w+) ([%w-]+) ([%w-]+) (.*)$')
if not ends or not version or ends <= now then return -clock end
local record = { created = created, issued = issued, accessed = accessed, expires = expires, idle = idle,
  overlap = overlap, hash = hash, previous = found[3] or '-', pending = found[4] or '-' }
local owner, watched, entry, bound = found[5], found[6], found[7], found[8]
local _, keptBefore = deadlines(record)
local at = 3
local status = 1
local nextEpoch = stored
local replacing, subject, context, nextEntry

for step in word do
  if step == 'o' then
    local before = word()
    if owner ~= ARGV[at] or (bound and before ~= '-' and bound > before) then return -clock end
    at = at + 1
  elseif step == 'a' then
    local access, deadline = word(), word()
    if tonumber(access, 36) > tonumber(record.accessed, 36) then record.accessed = access end
    if deadline ~= '-' and (record.idle == '-' or tonumber(deadline, 36) > tonumber(record.idle, 36)) then
      record.idle = deadline
    end
  elseif step == 'n' then
    status = renew(record, word(), word(), word(), word(), word())
  elseif step == 'c' then
    confirm(record, word(), word())
  elseif step == 'r' then
    replacing, record.issued = word(), word()
    record.hash, record.previous, record.overlap, record.pending = replacing, '-', '-', '-'
    nextEpoch = string.format('%.0f', tonumber(stored) + 1)
  elseif step == 'b' then
    record.created, record.idle, record.expires = word(), word(), word()
    record.accessed = record.created
    subject, context, nextEntry = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    at = at + 3
  end
end

-- Sent once more; a login may keep the id, but restarts the lifetime.
if replacing == hash and record.created == created then return { 1, clock, watched or '', '' } end
if epoch ~= '-' and epoch ~= stored then return -clock end

for i = at, at + removals - 1, 1000 do
  redis.call('HDEL', KEYS[1], unpack(ARGV, i, math.min(i + 999, at + removals - 1)))
end
for i = at + removals, #ARGV, 1000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
local ended, kept = deadlines(record)
local listed = subject and nextEntry ~= '' or not subject and entry
local texts = { m = string.format('%013.0f', ended) .. record.hash .. nextEpoch .. (listed and '+' or '') .. (watched and '*' or ''),
  t = string.sub(table.concat({ version, record.created, record.issued, record.accessed, record.expires, record.idle,
    record.overlap, rest }, ' '), 1, -2),
  p = record.previous, n = record.pending }
local before = { m = found[1], t = found[2], p = found[3] or '-', n = found[4] or '-' }
if subject then
  texts.s, texts.x, texts.u, texts.b = subject, context, nextEntry, subject ~= '' and string.format('%013.0f', clock) or ''
end
for name, text in pairs(texts) do
  if text ~= before[name] then
    if text == '' or text == '-' then redis.call('HDEL', KEYS[1], name) else redis.call('HSET', KEYS[1], name, text) end
  end
end
if kept ~= keptBefore then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', kept)) end
if subject then return { status, clock, watched or '', entry or '' } end
${heal}
return { status, clock, watched or '', entry or '' }
`

/**
 * KEYS: the record. ARGV: limit, words "now, createdAt that it must have or -, hash that it must have or -, instant after
 * which it must not have been bound or -", and the subject that it must have, or none.
 * Replies { 3, time } when there is a live record that does not meet the conditions, and nothing happens. Otherwise it is
 * deleted, and the reply is { 1 when it was live, 2 when it had ended by time, time, watched, entry of the index or '' }.
 */
export const deleteScript = nameScript(`${readLimit}
local found = redis.pcall('HMGET', KEYS[1], 'm', 't', 's', 'w', 'u', 'b')
if found.err or not found[1] or not found[2] then return -clock end
local ends, currentHash = string.match(found[1], '${summaryPattern}')
local current = string.match(found[2], '^%d+ (%w+) %w+ %w+ %w+ %S+ %S+')
if not ends or not current then return -clock end
local now, created, hash, before = string.match(ARGV[2], '^(%S+) (%S+) (%S+) (%S+)')
local live = ends > now
if (ARGV[3] and ARGV[3] ~= found[3]) or (created ~= '-' and created ~= current) or (hash ~= '-' and hash ~= currentHash)
  or (before ~= '-' and found[6] and found[6] > before) then
  return { live and 3 or 0, clock }
end
redis.call('UNLINK', KEYS[1])
return { live and 1 or 2, clock, found[4] or '', found[5] or '' }
`)

/**
 * KEYS: a subject's index. ARGV: limit, when the entry may be removed, and the entry. Entries whose time was over
 * a minute ago, by the clock of this server, are removed. The new entry comes first, so that a full memory refuses it
 * before anything is written. The index itself lives as long as the entry that lives longest.
 */
export const listScript = nameScript(`${readLimit}
local expires = ARGV[2]
local added = redis.pcall('ZADD', KEYS[1], 'GT', expires, ARGV[3])
if type(added) == 'table' then
  if not string.find(added.err, 'WRONGTYPE', 1, true) then return added end
  redis.call('UNLINK', KEYS[1])
  redis.call('ZADD', KEYS[1], expires, ARGV[3])
end
local last = redis.call('PEXPIRETIME', KEYS[1])
if last > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', clock - 60000)) end
if last < tonumber(expires) then redis.call('PEXPIREAT', KEYS[1], expires) end
return clock
`)

/**
 * KEYS: the record. ARGV: until when it is watched. Replies with the fields and values of the record, or with nothing when
 * there is none. A server that cannot write now (a full memory) still replies: then changes are not published, and the
 * watching process finds them when it next reads the record.
 */
export const watchScript = nameScript(`
local found = redis.pcall('HMGET', KEYS[1], 'm', 'w')
local m = found[1]
if found.err or not m or not string.find(m, '${summaryPattern}') then return {} end
if tonumber(ARGV[1]) > (tonumber(found[2] or '') or 0) then
  if string.sub(m, -1) ~= '*' then m = m .. '*' end
  redis.pcall('HSET', KEYS[1], 'w', ARGV[1], 'm', m)
end
return redis.call('HGETALL', KEYS[1])
`)
