-- Who is there. KEYS: cards and loads (hashes, node -> JSON), seen (sorted set, node by when its report runs out), changed
-- and carded (sorted sets, node by the number of its last change, and of its card's), meta (hash).
-- ARGV: milliseconds of a lease, "report" or "nodes" or "leave" or "until", node, JSON of its card and of its load (empty
-- for what is as before), the number of the last change that is known, and since when the store serves that said so.
local cards, loads, seen, changed, carded, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local lease_ms, what, node, card, load = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- So many nodes that are gone are remembered for those who know of them.
local gone_max = 256
local now = store_ms(meta)

local function since()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local known = redis.call('HMGET', meta, 'run', 'since')
  if known[1] ~= run or tonumber(known[2]) > now then
    redis.call('HSET', meta, 'run', run, 'since', now)
    return string.format('%.0f', now)
  end
  return known[2]
end

local function change(one)
  local number = redis.call('HINCRBY', meta, 'nodes', 1)
  redis.call('ZADD', changed, number, one)
  return number
end

local function remove(one)
  redis.call('ZREM', seen, one)
  redis.call('ZREM', carded, one)
  redis.call('HDEL', loads, one)
  if redis.call('HDEL', cards, one) == 1 then change(one) end
end

if what == 'report' then
  local is_known = redis.call('HEXISTS', cards, node) == 1
  if not is_known and (card == '' or load == '') then return { 'unknown' } end
  if not is_known and redis.call('HLEN', cards) >= 100000 then return { 'refused' } end
  if card ~= '' then redis.call('HSET', cards, node, card) end
  if load ~= '' then redis.call('HSET', loads, node, load) end
  if card ~= '' or load ~= '' then
    local number = change(node)
    if card ~= '' then redis.call('ZADD', carded, number, node) end
  end
  redis.call('ZADD', seen, now + lease_ms, node)
  return { 'noted', since() }
end
if what == 'leave' then
  remove(node)
  return { 'done' }
end
if what == 'until' then return { 'until', redis.call('ZSCORE', seen, node) or '' } end

-- No report is good for longer: these were written by another clock.
local latest = string.format('%.0f', now + lease_ms)
for _, one in ipairs(redis.call('ZRANGEBYSCORE', seen, '(' .. latest, '+inf')) do redis.call('ZADD', seen, latest, one) end
for _, one in ipairs(redis.call('ZRANGEBYSCORE', seen, 0, string.format('%.0f', now))) do remove(one) end
if redis.call('ZCARD', changed) - redis.call('HLEN', cards) > gone_max then
  for _, one in ipairs(redis.call('ZRANGE', changed, 0, -1)) do
    if redis.call('HEXISTS', cards, one) == 0 then redis.call('ZREM', changed, one) end
  end
  redis.call('HSET', meta, 'nodes_from', redis.call('HGET', meta, 'nodes'))
end
local serves = since()
local counted = redis.call('HMGET', meta, 'nodes', 'nodes_from')
local newest, from = tonumber(counted[1]) or 0, tonumber(counted[2]) or 0
local after = tonumber(ARGV[6])
local is_whole = ARGV[7] ~= serves or after < from or after > newest
if is_whole then after = 0 end
local found = { 'nodes', serves, string.format('%.0f', newest), is_whole and 'whole' or 'since' }
local first = '(' .. string.format('%.0f', after)
local has_card = {}
for _, one in ipairs(redis.call('ZRANGEBYSCORE', carded, first, '+inf')) do has_card[one] = true end
local those = redis.call('ZRANGEBYSCORE', changed, first, '+inf')
-- So many at once, as a list of arguments has an end.
for from = 1, #those, 1000 do
  local upto = math.min(from + 999, #those)
  local said = redis.call('HMGET', loads, unpack(those, from, upto))
  for nth = from, upto do
    local one, load = those[nth], said[nth - from + 1]
    if load or not is_whole then
      found[#found + 1] = one
      found[#found + 1] = load and has_card[one] and redis.call('HGET', cards, one) or ''
      found[#found + 1] = load or ''
    end
  end
end
return found
