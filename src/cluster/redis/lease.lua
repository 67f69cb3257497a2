-- Names and who has them. One call is one atomic step for all of its requests; src/cluster/table.rs says what each
-- means. KEYS: leases (hash, name -> "node epoch until"), meta (hash). ARGV: milliseconds of a lease, whether lapsed
-- rooms are kept, how many requests, then six words for each: what, name (or from where on the names are looked
-- through), node, epoch, another node, rank.
local leases, meta = KEYS[1], KEYS[2]
local lease_ms, keeps = tonumber(ARGV[1]), ARGV[2] == '1'
local now = store_ms(meta)
-- So many names are looked through in a call: all of a large directory at once would keep everybody else waiting.
local slice = 256

-- A server that was started again, or a replica that took over, may not know what was granted last.
local function since()
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local known = redis.call('HMGET', meta, 'run', 'since')
  if known[1] ~= run or tonumber(known[2]) > now then
    redis.call('HSET', meta, 'run', run, 'since', now)
    return now
  end
  return tonumber(known[2])
end

local function write(name, node, epoch, upto, rank)
  redis.call('HSET', leases, name, string.format('%s %.0f %.0f %.0f', node, epoch, upto, rank))
end

local function parse(name, text)
  local node, epoch, upto, rank = string.match(text, '^(%x+) (%d+) (%d+) ?(%d*)$')
  local lease = { node = node, epoch = tonumber(epoch), upto = tonumber(upto), rank = tonumber(rank) or 0 }
  if lease.upto > now + lease_ms then
    -- No grant is longer: it was written by another clock, and runs out from now on.
    lease.upto = now + lease_ms
    write(name, lease.node, lease.epoch, lease.upto, lease.rank)
  end
  return lease
end

local function read(name)
  local text = redis.call('HGET', leases, name)
  return text and parse(name, text) or nil
end

-- The next names and what is known of them, and where to go on: 0 after the last. What is there all the while is seen.
local function some(from)
  local found = redis.call('HSCAN', leases, from, 'COUNT', slice)
  return found[2], found[1]
end

local function grant(name, node, epoch, rank)
  write(name, node, epoch, now + lease_ms, rank)
  return { 'granted', string.format('%.0f', epoch) }
end

local function take(name, node, over, rank)
  local old = read(name)
  if #name > 128 or (not old and redis.call('HLEN', leases) >= 100000) then return { 'refused' } end
  if old and old.upto > 0 and old.node ~= node and old.node ~= over then
    local kept = keeps and string.sub(name, 1, 5) == 'room/'
    if old.upto > now or kept then return { 'busy', old.node, math.max(0, old.upto - now) } end
  end
  -- It asks twice at once: a higher number would end what it begins under the first one.
  if old and old.node == node and old.upto > now then return grant(name, node, old.epoch, rank) end
  local from = since() + lease_ms
  if now < from then return { 'busy', '', from - now } end
  return grant(name, node, math.max(old and old.epoch + 1 or 0, now), rank)
end

-- Of two rooms of one name the one in which more is done has it.
local function challenge(name, node, rank)
  local old = read(name)
  local loses = old and old.upto > 0 and old.node ~= node and old.rank < rank
  return take(name, node, loses and old.node or '', rank)
end

local function renew(name, node, epoch, rank)
  local old = read(name)
  if old and (old.epoch > epoch or (old.epoch == epoch and old.node ~= node)) then return { 'lost' } end
  -- It was the time when it was given, of a store that this one knows nothing of.
  if epoch > now then now = put_forward(meta, epoch) end
  return grant(name, node, epoch, rank)
end

local function pass(name, node, epoch, to)
  local old = read(name)
  if not old or old.node ~= node or old.epoch ~= epoch or old.upto == 0 then return { 'lost' } end
  return grant(name, to, math.max(epoch + 1, now), 0)
end

local function release(name, node, epoch)
  local old = read(name)
  if old and old.node == node and old.epoch == epoch then write(name, node, epoch, 0, 0) end
  return { 'done' }
end

local function told(name, lease)
  return { name, lease.node, string.format('%.0f', lease.epoch), string.format('%.0f', lease.upto), string.format('%.0f', lease.rank) }
end

local function holder(name)
  local lease = read(name)
  if not lease or lease.upto == 0 then return { 'holder' } end
  return { 'holder', told(name, lease) }
end

local function held(node, from)
  local all, after = some(from)
  local found = { 'held', after }
  for nth = 1, #all, 2 do
    if string.sub(all[nth + 1], 1, #node + 1) == node .. ' ' then
      local lease = parse(all[nth], all[nth + 1])
      if lease.upto > 0 then found[#found + 1] = told(all[nth], lease) end
    end
  end
  return found
end

-- What was given up is forgotten once every new number is larger anyhow; so is a room that nobody has said for very long,
-- but not by a server that has begun anew, before its nodes have said what they have.
local function sweep(unsaid_ms, from)
  local is_old = now > since() + lease_ms + 60000 and unsaid_ms > 0
  local all, after = some(from)
  local count = 0
  for nth = 1, #all, 2 do
    local epoch, upto = string.match(all[nth + 1], '^%x+ (%d+) (%d+)')
    if upto == '0' and tonumber(epoch) + 60000 < now then
      redis.call('HDEL', leases, all[nth])
    elseif is_old and upto ~= '0' and tonumber(upto) + unsaid_ms < now and string.sub(all[nth], 1, 5) == 'room/' then
      redis.call('HDEL', leases, all[nth])
    elseif upto ~= '0' then
      count = count + 1
    end
  end
  return { 'swept', count, after }
end

local answers = {}
for nth = 1, tonumber(ARGV[3]) do
  local at = 3 + (nth - 1) * 6
  local what, name, node, epoch, other = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  local rank = tonumber(ARGV[at + 6])
  local answer
  if what == 'take' then answer = take(name, node, other, rank)
  elseif what == 'challenge' then answer = challenge(name, node, rank)
  elseif what == 'renew' then answer = renew(name, node, tonumber(epoch), rank)
  elseif what == 'pass' then answer = pass(name, node, tonumber(epoch), other)
  elseif what == 'release' then answer = release(name, node, tonumber(epoch))
  elseif what == 'holder' then answer = holder(name)
  elseif what == 'held' then answer = held(node, name)
  elseif what == 'sweep' then answer = sweep(rank, name)
  elseif what == 'touch' then
    since()
    answer = { 'done' }
  else answer = { 'refused' } end
  answers[nth] = answer
end
return answers
