-- Tickets and matches. One call is one atomic step for all of its requests; src/cluster/board.rs says what each means.
-- KEYS: meta, records, bodies, changed, players, matches, unopened, forget, old, leases, offers, offered, said, then for
-- each request the list of the node that it is about. ARGV: milliseconds of a lease, then each request as JSON. Answers a list of JSON.
local meta, records, bodies, changed, players = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local matches, unopened, forget, old, leases = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
-- What rooms offered last (by room), the numbers of the changes, and when it was said.
local offers, offered, said = KEYS[11], KEYS[12], KEYS[13]
local lease_ms, ask, untold = tonumber(ARGV[1]), nil, nil
local remembered_ms, at_once, offer_kept_ms, offers_max = 60000, 256, 180000, 100000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local since_ms = nil
local function since()
  if since_ms then return since_ms end
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local known = redis.call('HMGET', meta, 'run', 'since')
  if known[1] ~= run then
    redis.call('HSET', meta, 'run', run, 'since', now)
    since_ms = now
  else
    since_ms = tonumber(known[2])
  end
  return since_ms
end

local function is_fenced(epoch)
  local text = redis.call('HGET', leases, 'coordinator')
  local known = text and string.match(text, '^%x+ (%d+) ')
  return not known or tonumber(known) ~= epoch or now < since() + lease_ms
end

local function parts(list) return string.gmatch(list, '[^,]+') end

local function has(list, word)
  for one in parts(list) do
    if one == word then return true end
  end
  return false
end

local function get(id)
  local text = redis.call('HGET', records, id)
  return text and cjson.decode(text)
end

-- Writes a ticket that has changed; gives it as it is written.
local function put(id, record)
  record.revision = record.revision + 1
  local text = cjson.encode(record)
  redis.call('HSET', records, id, text)
  redis.call('ZADD', changed, redis.call('HINCRBY', meta, 'changes', 1), id)
  return text
end

local function set(id, record, stage, of, why, at, plays)
  record.stage, record.of, record.why, record.there, record.until_ms = stage, of, why, '', at or 0
  record.plays = plays or false
  put(id, record)
end

local function remember(id) redis.call('ZADD', forget, now + remembered_ms, id) end

local function free_players(id, record)
  for player in parts(record.players) do
    if redis.call('HGET', players, player) == id then redis.call('HDEL', players, player) end
  end
end

local function leave(id, record)
  free_players(id, record)
  remember(id)
end

local function told(what, name, value)
  local answer = { told = what }
  if name then answer[name] = value end
  return cjson.encode(answer)
end

local function shown(text, body, placed)
  return '{"told":"ticket","record":' .. text .. ',"body":' .. cjson.encode(body) .. ',"placed":' .. placed .. '}'
end

local function show(id)
  local text = redis.call('HGET', records, id)
  if not text then return told('unknown') end
  local of = cjson.decode(text).of
  local placed = of ~= '' and redis.call('HGET', matches, of) or 'null'
  return shown(text, redis.call('HGET', bodies, id) or '', placed or 'null')
end

local function enter(ticket)
  local from = ticket.since_ms == 0 and now or math.min(ticket.since_ms, now)
  redis.call('HSET', bodies, ticket.id, ticket.body)
  return { stage = 'waiting', why = '', of = '', until_ms = 0, there = '', revision = 0, since_ms = from,
    players = ticket.players, plays = false }
end

local function list(name, found)
  return '{"told":"' .. name .. '","matches":[' .. table.concat(found, ',') .. ']}'
end

-- Those that are neither waiting nor asked for that match, and the records of the others.
local function look(of, tickets)
  local stale, found = {}, {}
  for id in parts(tickets) do
    local record = get(id)
    if record and (record.stage == 'waiting' or (record.stage == 'asked' and record.of == of)) then
      found[id] = record
    else
      stale[#stale + 1] = id
    end
  end
  if #stale > 0 then return told('stale', 'tickets', table.concat(stale, ',')) end
  return nil, found
end

local asks = {}

function asks.submit()
  local ticket = ask.ticket
  local body = redis.call('HGET', bodies, ticket.id)
  if body then
    if body == ticket.body then return show(ticket.id) end
    return told('other')
  end
  local live = redis.call('ZCARD', changed) - redis.call('ZCARD', forget)
  if ticket.since_ms == 0 and live >= ask.limit then return told('full') end
  for player in parts(ticket.players) do
    local other = redis.call('HGET', players, player)
    if other then return cjson.encode({ told = 'player_waits', player = player, ticket = other }) end
  end
  local record = enter(ticket)
  for player in parts(ticket.players) do redis.call('HSET', players, player, ticket.id) end
  return shown(put(ticket.id, record), ticket.body, 'null')
end

function asks.show() return show(ask.id) end

function asks.cancel()
  local record = get(ask.id)
  if not record then return told('unknown') end
  if record.stage == 'matched' then return told('matched', 'of', record.of) end
  if record.stage ~= 'over' then
    leave(ask.id, record)
    set(ask.id, record, 'over', '', 'cancelled')
  end
  return show(ask.id)
end

function asks.answer()
  local record = get(ask.id)
  if not record then return told('unknown') end
  local is_of = has(record.players, ask.player)
  if record.stage == 'asked' and is_of then
    if not ask.accepts then
      leave(ask.id, record)
      set(ask.id, record, 'over', '', 'declined')
    elseif not has(record.there, ask.player) then
      record.there = record.there .. (record.there == '' and '' or ',') .. ask.player
      put(ask.id, record)
    end
  elseif record.stage == 'matched' and is_of then
    if not ask.accepts then return told('matched', 'of', record.of) end
  else
    return told('not_asked')
  end
  return show(ask.id)
end

-- What a ticket says; of one whose match has its room that match, with the first ticket of it.
local function its_body(text, body, shown_matches)
  if not string.find(text, '"plays":true', 1, true) then return body or '' end
  local of = string.match(text, '"of":"([^"]*)"')
  if not of or shown_matches[of] then return '' end
  shown_matches[of] = true
  return redis.call('HGET', matches, of) or ''
end

function asks.changes()
  local from = '(' .. string.format('%.0f', ask.after)
  local found = redis.call('ZRANGEBYSCORE', changed, from, '+inf', 'WITHSCORES', 'LIMIT', 0, ask.limit)
  local last, ids, tickets, shown_matches = ask.after, {}, {}, {}
  for nth = 1, #found, 2 do
    last = tonumber(found[nth + 1])
    ids[#ids + 1] = found[nth]
  end
  -- So many at once, as a list of arguments has an end.
  for first = 1, #ids, 1000 do
    local upto = math.min(first + 999, #ids)
    local texts = redis.call('HMGET', records, unpack(ids, first, upto))
    local words = ask.bodies and redis.call('HMGET', bodies, unpack(ids, first, upto)) or {}
    for nth = first, upto do
      local text = texts[nth - first + 1]
      if text then
        local body = cjson.encode(ask.bodies and its_body(text, words[nth - first + 1], shown_matches) or '')
        tickets[#tickets + 1] = '{"id":"' .. ids[nth] .. '","record":' .. text .. ',"body":' .. body .. '}'
      end
    end
  end
  local newest = tonumber(redis.call('HGET', meta, 'changes') or 0)
  local numbers = string.format('"last":%.0f,"newest":%.0f,"now_ms":%.0f', last, newest, now)
  return '{"told":"changes","tickets":[' .. table.concat(tickets, ',') .. '],' .. numbers .. '}'
end

function asks.question()
  local stale, found = look('', ask.tickets)
  if stale then return stale end
  for id, record in pairs(found) do
    record.stage, record.of, record.there, record.until_ms = 'asked', ask.of, '', now + ask.for_ms
    put(id, record)
  end
  return told('done')
end

function asks.unask()
  for id in parts(ask.tickets) do
    local record = get(id)
    if record and record.stage == 'asked' and (ask.of == '' or record.of == ask.of) then
      set(id, record, 'waiting', '', '')
    end
  end
  return told('done')
end

local function are_there(record)
  for player in parts(record.players) do
    if not has(record.there, player) then return false end
  end
  return true
end

asks['end'] = function()
  local record = get(ask.id)
  if not record then return told('unknown') end
  if record.stage == 'matched' then return told('matched', 'of', record.of) end
  -- They were there in time, and the coordinator has not read it yet.
  if record.stage == 'asked' and ask.why == 'no_answer' and are_there(record) then
    return told('stale', 'tickets', ask.id)
  end
  if record.stage ~= 'over' then
    leave(ask.id, record)
    set(ask.id, record, 'over', '', ask.why)
  end
  return told('done')
end

local function get_offer(room)
  local text = redis.call('HGET', offers, room)
  return text and cjson.decode(text)
end

local function put_offer(offer) redis.call('HSET', offers, offer.room, cjson.encode(offer)) end

-- An offer that is another one from now on.
local function renumber(offer)
  offer.serial = redis.call('HINCRBY', meta, 'offers', 1)
  redis.call('ZADD', offered, offer.serial, offer.room)
  put_offer(offer)
end

function asks.offer()
  local known = get_offer(ask.room)
  if known and known.epoch > ask.epoch then return told('gone') end
  if known and known.epoch == ask.epoch then
    if known.node ~= ask.node then return told('gone') end
    if known.nth >= ask.nth then return told('offering', 'serial', known.serial) end
    if known.serial == ask.serial then
      redis.call('ZADD', said, now, ask.room)
      known.at_ms, known.nth = now, ask.nth
      put_offer(known)
      return told('offering', 'serial', known.serial)
    end
  end
  if known and known.node == ask.node then
    for of in parts(known.pending) do
      local text = redis.call('HGET', matches, of)
      if text and cjson.decode(text).step == 'placed' then return told('unsettled') end
    end
  end
  if not known and redis.call('HLEN', offers) >= offers_max then return told('full') end
  local offer = { room = ask.room, node = ask.node, epoch = ask.epoch, nth = ask.nth, seats = ask.seats,
    pending = '', body = ask.body, at_ms = now }
  redis.call('ZADD', said, now, ask.room)
  renumber(offer)
  return told('offering', 'serial', offer.serial)
end

local function shown_offers(found, last)
  return '{"told":"offers","offers":[' .. table.concat(found, ',') .. '],"last":' .. string.format('%.0f', last) .. '}'
end

function asks.offers()
  local from = '(' .. string.format('%.0f', ask.after)
  local those = redis.call('ZRANGEBYSCORE', offered, from, '+inf', 'WITHSCORES', 'LIMIT', 0, ask.limit)
  local found, last = {}, ask.after
  for nth = 1, #those, 2 do
    last = tonumber(those[nth + 1])
    found[#found + 1] = redis.call('HGET', offers, those[nth]) or nil
  end
  return shown_offers(found, last)
end

function asks.offered() return shown_offers({ redis.call('HGET', offers, ask.room) or nil }, 0) end

-- Takes seats of an offer for a match; whether they are there.
local function claim_seats(seats)
  local offer = get_offer(seats.room)
  if not offer or offer.serial ~= seats.serial or offer.node ~= ask.node or offer.seats < seats.count then
    return false
  end
  offer.seats = offer.seats - seats.count
  offer.pending = offer.pending .. (offer.pending == '' and '' or ',') .. ask.of
  put_offer(offer)
  return true
end

-- A match is not played: what its node has offered is not as the node thought.
local function undo_seats(room, of)
  local offer = room ~= '' and get_offer(room)
  if not offer then return end
  local rest = {}
  for other in parts(offer.pending) do
    if other ~= of then rest[#rest + 1] = other end
  end
  local pending = table.concat(rest, ',')
  if pending ~= offer.pending then
    offer.pending, offer.seats = pending, 0
    renumber(offer)
  end
end

function asks.claim()
  if redis.call('HEXISTS', matches, ask.of) == 1 then return told('done') end
  local stale, found = look(ask.of, ask.tickets)
  if stale then return stale end
  -- cjson has a value of its own for what is not there.
  local seats = type(ask.seats) == 'table' and ask.seats
  if seats and not claim_seats(seats) then return told('gone') end
  for id, record in pairs(found) do
    free_players(id, record)
    set(id, record, 'matched', ask.of, '', now)
  end
  local placed = { of = ask.of, step = 'placed', node = ask.node, body = ask.body, tickets = ask.tickets, room = '',
    at_ms = now, into = seats and seats.room or '' }
  redis.call('HSET', matches, ask.of, cjson.encode(placed))
  redis.call('ZADD', unopened, now, ask.of)
  redis.call('RPUSH', untold, ask.of)
  return told('done')
end

function asks.unopened()
  local found = {}
  for _, of in ipairs(redis.call('ZRANGE', unopened, 0, ask.limit - 1)) do
    found[#found + 1] = redis.call('HGET', matches, of) or nil
  end
  return list('matches', found)
end

-- A match is not played: its tickets wait again, as long as they have.
local function undo(of)
  local text = redis.call('HGET', matches, of)
  if not text then return end
  redis.call('HDEL', matches, of)
  redis.call('ZREM', unopened, of)
  local placed = cjson.decode(text)
  undo_seats(placed.into or '', of)
  for id in parts(placed.tickets) do
    local record = get(id)
    if record and record.of == of then
      local is_busy = false
      for player in parts(record.players) do
        is_busy = is_busy or redis.call('HEXISTS', players, player) == 1
      end
      if is_busy then
        remember(id)
        set(id, record, 'over', '', 'superseded')
      else
        for player in parts(record.players) do redis.call('HSET', players, player, id) end
        set(id, record, 'waiting', '', '')
      end
    end
  end
end

function asks.take_back()
  local text = redis.call('HGET', matches, ask.of)
  local placed = text and cjson.decode(text)
  if not placed or placed.step ~= 'placed' or placed.node ~= ask.node then return told('gone') end
  undo(ask.of)
  return told('done')
end

function asks.fetch()
  local found = {}
  for _, of in ipairs(redis.call('LPOP', untold, ask.limit) or {}) do
    local text = redis.call('HGET', matches, of)
    local placed = text and cjson.decode(text)
    if placed and placed.step == 'placed' and placed.node == ask.node then found[#found + 1] = text end
  end
  return list('matches', found)
end

function asks.started()
  local text = redis.call('HGET', matches, ask.of)
  local placed = text and cjson.decode(text)
  if not placed or placed.node ~= ask.node then return told('gone') end
  if placed.step == 'started' then return told('done') end
  placed.step, placed.room = 'started', ask.room
  redis.call('HSET', matches, ask.of, cjson.encode(placed))
  redis.call('ZREM', unopened, ask.of)
  redis.call('ZADD', old, now + remembered_ms, ask.of)
  for id in parts(placed.tickets) do
    remember(id)
    local record = get(id)
    if record then
      record.plays = true
      put(id, record)
    end
  end
  return told('done')
end

function asks.retell()
  local placed = ask.placed
  -- Of other matches those that are open count; those that are not give way.
  local others = {}
  for _, ticket in ipairs(ask.tickets) do
    local record = get(ticket.id)
    local text = record and record.stage == 'matched' and record.of ~= placed.of
      and redis.call('HGET', matches, record.of)
    if text and cjson.decode(text).step == 'started' then return told('gone') end
    if text then others[#others + 1] = record.of end
  end
  for _, of in ipairs(others) do undo(of) end
  local text = redis.call('HGET', matches, placed.of)
  if text and cjson.decode(text).step == 'started' then return told('done') end
  for _, ticket in ipairs(ask.tickets) do
    local record = get(ticket.id) or enter(ticket)
    leave(ticket.id, record)
    set(ticket.id, record, 'matched', placed.of, '', placed.at_ms, true)
  end
  redis.call('HSET', matches, placed.of, cjson.encode(placed))
  redis.call('ZREM', unopened, placed.of)
  redis.call('ZADD', old, now + remembered_ms, placed.of)
  return told('done')
end

function asks.sweep()
  local upto = string.format('%.0f', now)
  local ids = redis.call('ZRANGEBYSCORE', forget, 0, upto, 'LIMIT', 0, at_once)
  if #ids > 0 then
    redis.call('HDEL', records, unpack(ids))
    redis.call('HDEL', bodies, unpack(ids))
    redis.call('ZREM', changed, unpack(ids))
    redis.call('ZREM', forget, unpack(ids))
  end
  local those = redis.call('ZRANGEBYSCORE', old, 0, upto, 'LIMIT', 0, at_once)
  if #those > 0 then
    redis.call('HDEL', matches, unpack(those))
    redis.call('ZREM', old, unpack(those))
  end
  local rooms = redis.call('ZRANGEBYSCORE', said, 0, string.format('%.0f', now - offer_kept_ms), 'LIMIT', 0, at_once)
  if #rooms > 0 then
    redis.call('HDEL', offers, unpack(rooms))
    redis.call('ZREM', offered, unpack(rooms))
    redis.call('ZREM', said, unpack(rooms))
  end
  return told('swept', 'more', #ids == at_once or #those == at_once)
end

local fenced = { question = true, unask = true, ['end'] = true, claim = true, sweep = true, take_back = true }
local unknown = told('unknown')
local function answer_to()
  if fenced[ask.ask] and not (ask.ask == 'take_back' and ask.epoch == 0) and is_fenced(ask.epoch) then
    return told('fenced')
  end
  -- Another match of the same tickets may be told of.
  if ask.ask == 'started' and now < since() + lease_ms then return told('fenced') end
  local answer = asks[ask.ask]()
  -- Somebody may know it.
  if answer == unknown and now < since() + lease_ms then return told('fenced') end
  return answer
end

local answers = {}
for nth = 2, #ARGV do
  ask, untold = cjson.decode(ARGV[nth]), KEYS[12 + nth]
  answers[nth - 1] = answer_to()
end
return answers
