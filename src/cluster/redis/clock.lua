-- The store's time in milliseconds, by the server's clock, and never before a time that was told already: a clock may be
-- put back, and that of a replica that follows may be behind. What it lacks is added from then on (`ahead`).
-- `high` is the latest time that was told, noted ten times a second.
local noted_every_ms = 100

local function server_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- It is at least that late.
local function put_forward(meta, to)
  redis.call('HSET', meta, 'ahead', string.format('%.0f', to - server_ms()), 'high', string.format('%.0f', to))
  return to
end

local function store_ms(meta)
  local known = redis.call('HMGET', meta, 'high', 'ahead')
  local high = tonumber(known[1]) or 0
  local now = server_ms() + (tonumber(known[2]) or 0)
  if now < high then return put_forward(meta, high + noted_every_ms) end
  if now >= high + noted_every_ms then redis.call('HSET', meta, 'high', string.format('%.0f', now)) end
  return now
end

