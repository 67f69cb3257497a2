-- Who is there. KEYS: nodes (hash, node -> JSON), seen (sorted set, node by when its report runs out), meta (hash).
-- ARGV: milliseconds of a lease, "report" or "nodes" or "leave", node, JSON of its report.
local nodes, seen, meta = KEYS[1], KEYS[2], KEYS[3]
local lease_ms, what, node, text = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function since()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local known = redis.call('HMGET', meta, 'run', 'since')
  if known[1] ~= run then
    redis.call('HSET', meta, 'run', run, 'since', now)
    return now
  end
  return tonumber(known[2])
end

if what == 'report' then
  if redis.call('HEXISTS', nodes, node) == 0 and redis.call('HLEN', nodes) >= 100000 then return { 'refused' } end
  redis.call('HSET', nodes, node, text)
  redis.call('ZADD', seen, now + lease_ms, node)
  return { 'noted', string.format('%.0f', since()) }
end
if what == 'leave' then
  redis.call('HDEL', nodes, node)
  redis.call('ZREM', seen, node)
  return { 'done' }
end
local gone = redis.call('ZRANGEBYSCORE', seen, 0, string.format('%.0f', now))
for _, one in ipairs(gone) do
  redis.call('HDEL', nodes, one)
  redis.call('ZREM', seen, one)
end
local found = { 'nodes' }
local all = redis.call('HVALS', nodes)
for nth = 1, #all do found[nth + 1] = all[nth] end
return found
