-- Tickets and matches. One call is one atomic step for all of its requests; src/cluster/board.rs says what each means.
-- KEYS: meta, records, bodies, changed, players, matches, unopened, forget, old, leases, offers, offered, said, played,
-- then for each request the list of the node that it is about. ARGV: milliseconds of a lease, then each request as JSON and, after
-- it, a text that is kept as it is (what a ticket or match says). Answers a list of JSON.
--
-- A call has many requests. What they need is read in a few commands before them, and what they change of tickets, players
-- and matches is written in a few commands after them: commands cost more than anything that is done with their answers.
local meta, records, bodies, changed, players = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local matches, unopened, forget, old, leases = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
-- What rooms offered last (by room), the numbers of the changes, and when it was said.
local offers, offered, said = KEYS[11], KEYS[12], KEYS[13]
-- Tickets that had their match and are forgotten but for their numbers, by when that was.
local played = KEYS[14]
local played_kept_ms, played_max = 1800000, 500000
local lease_ms, ask, text_of_ask, untold = tonumber(ARGV[1]), nil, nil, nil
local remembered_ms, at_once, offer_kept_ms, offers_max = 60000, 256, 180000, 100000
local now = store_ms(meta)

-- Nodes ask ten times a second. When nobody has for a lease, none of them may have reached this server, and each may have
-- formed matches alone: it is as if another server had taken over, so that they tell it before anything is given away.
local asked = tonumber(redis.call('HGET', meta, 'asked') or 0)
if asked > 0 and now >= asked + lease_ms then redis.call('HSET', meta, 'since', string.format('%.0f', now)) end
if now >= asked + noted_every_ms or now < asked then redis.call('HSET', meta, 'asked', string.format('%.0f', now)) end

local since_ms = nil
local function since()
  if since_ms then return since_ms end
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  local known = redis.call('HMGET', meta, 'run', 'since')
  if known[1] ~= run or tonumber(known[2]) > now then
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

local function many(command, key, list)
  -- So many at once, as a list of arguments has an end.
  for first = 1, #list, 1000 do redis.call(command, key, unpack(list, first, math.min(first + 999, #list))) end
end

-- What is known of a hash, and which of it is to be written: `false` is what is not there.
local function hash(key)
  local self = { known = {}, changed = {} }
  function self.get(name)
    local value = self.known[name]
    if value == nil then
      value = redis.call('HGET', key, name)
      self.known[name] = value
    end
    return value
  end
  function self.set(name, value) self.known[name], self.changed[name] = value, true end
  function self.read(names)
    if #names == 0 then return end
    for first = 1, #names, 1000 do
      local upto = math.min(first + 999, #names)
      local values = redis.call('HMGET', key, unpack(names, first, upto))
      for nth = first, upto do
        if self.known[names[nth]] == nil then self.known[names[nth]] = values[nth - first + 1] end
      end
    end
  end
  function self.write()
    local set, gone = {}, {}
    for name in pairs(self.changed) do
      local value = self.known[name]
      if value then
        set[#set + 1], set[#set + 2] = name, value
      else
        gone[#gone + 1] = name
      end
    end
    self.changed = {}
    many('HSET', key, set)
    many('HDEL', key, gone)
  end
  return self
end

-- What is to be added to a sorted set.
local function sorted(key)
  local self = { scores = {} }
  function self.add(name, score) self.scores[name] = score end
  function self.write()
    local list = {}
    for name, score in pairs(self.scores) do list[#list + 1], list[#list + 2] = score, name end
    self.scores = {}
    many('ZADD', key, list)
  end
  return self
end

local said_by, waits_by, placed_as = hash(bodies), hash(players), hash(matches)
local forget_at, old_at, opened_by = sorted(forget), sorted(old), sorted(unopened)
-- Matches that have their room since.
local opened = {}
-- Tickets: as they are written and read, and those that have changed, in that order.
local texts, found_records, has_changed, changes = hash(records), {}, {}, {}
-- Tickets that are not over: known once it is asked for, and counted from then on.
local live = nil

local function get(id)
  local record = found_records[id]
  if record == nil then
    local text = texts.get(id)
    record = text and cjson.decode(text)
    found_records[id] = record
  end
  return record
end

local function text_of(id)
  if has_changed[id] then return cjson.encode(found_records[id]) end
  return texts.get(id)
end

-- Writes all that has changed.
local function write()
  if #changes > 0 then
    local last = redis.call('HINCRBY', meta, 'changes', #changes)
    local list, first = {}, last - #changes
    for nth, id in ipairs(changes) do
      texts.set(id, cjson.encode(found_records[id]))
      list[#list + 1], list[#list + 2] = first + nth, id
    end
    has_changed, changes, live = {}, {}, nil
    texts.write()
    many('ZADD', changed, list)
  end
  said_by.write()
  waits_by.write()
  placed_as.write()
  forget_at.write()
  old_at.write()
  opened_by.write()
  many('ZREM', unopened, opened)
  opened = {}
end

-- Notes that a ticket has changed.
local function put(id, record)
  record.revision = record.revision + 1
  found_records[id] = record
  if not has_changed[id] then
    has_changed[id] = true
    changes[#changes + 1] = id
  end
end

local function set(id, record, stage, of, why, at, plays)
  record.stage, record.of, record.why, record.there, record.until_ms = stage, of, why, '', at or 0
  record.plays = plays or false
  record.with = nil
  put(id, record)
end

local function remember(id)
  forget_at.add(id, now + remembered_ms)
  live = nil
end

local function free_players(id, record)
  for player in parts(record.players) do
    if waits_by.get(player) == id then waits_by.set(player, false) end
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

local function shown(text, body, placed, answers)
  return '{"told":"ticket","record":' .. text .. ',"body":' .. cjson.encode(body) .. ',"placed":' .. placed ..
    ',"answers":' .. (answers or 'null') .. '}'
end

local function count(list)
  local _, commas = string.gsub(list, ',', '')
  return list == '' and 0 or commas + 1
end

-- How many of all players of the match that a ticket is asked for have answered.
local function answers_of(asked)
  local there, all = 0, 0
  for id in parts(asked.with or '') do
    local record = get(id)
    if record and record.stage == 'asked' and record.of == asked.of then
      there, all = there + count(record.there), all + count(record.players)
    end
  end
  return string.format('{"there":%d,"of":%d}', there, all)
end

local function show(id, body)
  local record = get(id)
  if not record then return told('unknown') end
  local placed = record.of ~= '' and placed_as.get(record.of) or 'null'
  local answers = record.stage == 'asked' and answers_of(record)
  return shown(text_of(id), body or said_by.get(id) or '', placed or 'null', answers)
end

local function enter(ticket)
  local from = ticket.since_ms == 0 and now or math.min(ticket.since_ms, now)
  said_by.set(ticket.id, ticket.body)
  return { stage = 'waiting', why = '', of = '', until_ms = 0, there = '', revision = 0, since_ms = from,
    players = ticket.players, plays = false }
end

-- A word of a match. What a match says is a text within a text: its quotation marks are not these.
local function word_of(text, name) return string.match(text, '"' .. name .. '":"([^"]*)"') or '' end

local function write_match(placed)
  return string.format('{"of":"%s","step":"%s","node":"%s","tickets":"%s","at_ms":%.0f,"into":"%s","room":%s,"body":',
    placed.of, placed.step, placed.node, placed.tickets, placed.at_ms, placed.into or '',
    cjson.encode(placed.room)) .. cjson.encode(placed.body) .. '}'
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

-- What is asked for knows what its ticket says.
function asks.submit()
  local ticket = ask.ticket
  ticket.body = text_of_ask
  local body = said_by.get(ticket.id)
  if body then
    if body == ticket.body then return show(ticket.id, '') end
    return told('other')
  end
  if redis.call('ZSCORE', played, ticket.id) then return told('matched', 'of', '') end
  if ticket.since_ms == 0 then
    if not live then
      write()
      live = redis.call('ZCARD', changed) - redis.call('ZCARD', forget)
    end
    if live >= ask.limit then return told('full') end
  end
  for player in parts(ticket.players) do
    local other = waits_by.get(player)
    if other then return cjson.encode({ told = 'player_waits', player = player, ticket = other }) end
  end
  local record = enter(ticket)
  for player in parts(ticket.players) do waits_by.set(player, ticket.id) end
  put(ticket.id, record)
  live = live and live + 1
  return shown(cjson.encode(record), '', 'null')
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
  return placed_as.get(of) or ''
end

-- Of what has changed what nodes need to know that follow: w for waiting, a for asked, m for matched, o for over, p for
-- matched with a room that is open.
local function brief(ids, last, newest)
  local tickets = {}
  for first = 1, #ids, 1000 do
    local upto = math.min(first + 999, #ids)
    for nth, text in ipairs(redis.call('HMGET', records, unpack(ids, first, upto))) do
      local stage = text and string.match(text, '"stage":"(%a)')
      if stage == 'm' and string.find(text, '"plays":true', 1, true) then stage = 'p' end
      if stage then tickets[#tickets + 1] = stage .. ids[first + nth - 1] end
    end
  end
  return string.format('{"told":"brief","tickets":"%s","last":%.0f,"newest":%.0f,"now_ms":%.0f,"since_ms":%.0f}',
    table.concat(tickets, ','), last, newest, now, since())
end

function asks.changes()
  write()
  local from = '(' .. string.format('%.0f', ask.after)
  local found = redis.call('ZRANGEBYSCORE', changed, from, '+inf', 'WITHSCORES', 'LIMIT', 0, ask.limit)
  local last, ids, tickets, shown_matches = ask.after, {}, {}, {}
  local newest = tonumber(redis.call('HGET', meta, 'changes') or 0)
  for nth = 1, #found, 2 do
    last = tonumber(found[nth + 1])
    ids[#ids + 1] = found[nth]
  end
  if not ask.bodies then return brief(ids, last, newest) end
  for first = 1, #ids, 1000 do
    local upto = math.min(first + 999, #ids)
    local found = redis.call('HMGET', records, unpack(ids, first, upto))
    local words = redis.call('HMGET', bodies, unpack(ids, first, upto))
    for nth = first, upto do
      local text = found[nth - first + 1]
      if text then
        local body = cjson.encode(its_body(text, words[nth - first + 1], shown_matches))
        tickets[#tickets + 1] = '{"id":"' .. ids[nth] .. '","record":' .. text .. ',"body":' .. body .. '}'
      end
    end
  end
  local numbers = string.format('"last":%.0f,"newest":%.0f,"now_ms":%.0f,"since_ms":%.0f', last, newest, now, since())
  return '{"told":"changes","tickets":[' .. table.concat(tickets, ',') .. '],' .. numbers .. '}'
end

function asks.question()
  local stale, found = look('', ask.tickets)
  if stale then return stale end
  for id, record in pairs(found) do
    record.stage, record.of, record.there, record.until_ms = 'asked', ask.of, '', now + ask.for_ms
    record.with = ask.tickets
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
      local text = placed_as.get(of)
      if text and word_of(text, 'step') == 'placed' then return told('unsettled') end
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
  if placed_as.get(ask.of) then return told('done') end
  local stale, found = look(ask.of, ask.tickets)
  if stale then return stale end
  -- cjson has a value of its own for what is not there.
  local seats = type(ask.seats) == 'table' and ask.seats
  if seats and not claim_seats(seats) then return told('gone') end
  for id, record in pairs(found) do
    free_players(id, record)
    set(id, record, 'matched', ask.of, '', now)
  end
  placed_as.set(ask.of, write_match({ of = ask.of, step = 'placed', node = ask.node, body = text_of_ask,
    tickets = ask.tickets, room = '', at_ms = now, into = seats and seats.room or '' }))
  opened_by.add(ask.of, now)
  redis.call('RPUSH', untold, ask.of)
  -- A node that is gone fetches nothing any more, and another start of it has another list.
  redis.call('PEXPIRE', untold, remembered_ms)
  return told('done')
end

function asks.unopened()
  write()
  local found = {}
  for _, of in ipairs(redis.call('ZRANGE', unopened, 0, ask.limit - 1)) do
    found[#found + 1] = placed_as.get(of) or nil
  end
  return list('matches', found)
end

-- A match is not played: its tickets wait again, as long as they have.
local function undo(of)
  local text = placed_as.get(of)
  if not text then return end
  placed_as.set(of, false)
  opened_by.scores[of] = nil
  redis.call('ZREM', unopened, of)
  undo_seats(word_of(text, 'into'), of)
  for id in parts(word_of(text, 'tickets')) do
    local record = get(id)
    if record and record.of == of then
      local is_busy = false
      for player in parts(record.players) do
        is_busy = is_busy or waits_by.get(player)
      end
      if is_busy then
        remember(id)
        set(id, record, 'over', '', 'superseded')
      else
        for player in parts(record.players) do waits_by.set(player, id) end
        set(id, record, 'waiting', '', '')
      end
    end
  end
end

function asks.take_back()
  local text = placed_as.get(ask.of)
  if not text or word_of(text, 'step') ~= 'placed' or word_of(text, 'node') ~= ask.node then return told('gone') end
  undo(ask.of)
  return told('done')
end

function asks.fetch()
  local found, those = {}, redis.call('LPOP', untold, ask.limit) or {}
  placed_as.read(those)
  for _, of in ipairs(those) do
    local text = placed_as.get(of)
    if text and word_of(text, 'step') == 'placed' and word_of(text, 'node') == ask.node then
      found[#found + 1] = text
    end
  end
  return list('matches', found)
end

function asks.started()
  local text = placed_as.get(ask.of)
  if not text or word_of(text, 'node') ~= ask.node then return told('gone') end
  if word_of(text, 'step') == 'started' then return told('done') end
  -- A function gives what is put there, as signs in a text would mean something.
  local room = function() return '"room":' .. cjson.encode(ask.room) end
  text = string.gsub(text, '"step":"placed"', '"step":"started"', 1)
  placed_as.set(ask.of, (string.gsub(text, '"room":"[^"]*"', room, 1)))
  opened_by.scores[ask.of] = nil
  opened[#opened + 1] = ask.of
  old_at.add(ask.of, now + remembered_ms)
  for id in parts(word_of(text, 'tickets')) do
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
    local text = record and record.stage == 'matched' and record.of ~= placed.of and placed_as.get(record.of)
    if text and word_of(text, 'step') == 'started' then return told('gone') end
    if text then others[#others + 1] = record.of end
  end
  for _, of in ipairs(others) do undo(of) end
  local text = placed_as.get(placed.of)
  if text and word_of(text, 'step') == 'started' then return told('done') end
  for _, ticket in ipairs(ask.tickets) do
    local record = get(ticket.id) or enter(ticket)
    leave(ticket.id, record)
    set(ticket.id, record, 'matched', placed.of, '', placed.at_ms, true)
  end
  placed_as.set(placed.of, write_match(placed))
  opened_by.scores[placed.of] = nil
  opened[#opened + 1] = placed.of
  old_at.add(placed.of, now + remembered_ms)
  return told('done')
end

function asks.retire()
  local ticket = ask.ticket
  ticket.body = text_of_ask
  local record = get(ticket.id)
  if not record then
    if redis.call('ZSCORE', played, ticket.id) then return told('done') end
    record = enter(ticket)
  elseif said_by.get(ticket.id) ~= ticket.body or (record.stage ~= 'waiting' and record.stage ~= 'asked') then
    return told('done')
  end
  leave(ticket.id, record)
  set(ticket.id, record, 'over', '', ask.why)
  return told('done')
end

function asks.sweep()
  write()
  live = nil
  local upto = string.format('%.0f', now)
  local ids = redis.call('ZRANGEBYSCORE', forget, 0, upto, 'LIMIT', 0, at_once)
  if #ids > 0 then
    for nth, text in ipairs(redis.call('HMGET', records, unpack(ids))) do
      if text and string.find(text, '"plays":true', 1, true) then redis.call('ZADD', played, now, ids[nth]) end
    end
    redis.call('HDEL', records, unpack(ids))
    redis.call('HDEL', bodies, unpack(ids))
    redis.call('ZREM', changed, unpack(ids))
    redis.call('ZREM', forget, unpack(ids))
    for _, id in ipairs(ids) do texts.known[id], found_records[id], said_by.known[id] = false, false, false end
  end
  local those = redis.call('ZRANGEBYSCORE', old, 0, upto, 'LIMIT', 0, at_once)
  if #those > 0 then
    redis.call('HDEL', matches, unpack(those))
    redis.call('ZREM', old, unpack(those))
    for _, of in ipairs(those) do placed_as.known[of] = false end
  end
  local old_numbers = redis.call('ZCOUNT', played, 0, string.format('%.0f', now - played_kept_ms))
  local numbers = math.min(math.max(old_numbers, redis.call('ZCARD', played) - played_max), 4 * at_once)
  if numbers > 0 then redis.call('ZREMRANGEBYRANK', played, 0, numbers - 1) end
  local rooms = redis.call('ZRANGEBYSCORE', said, 0, string.format('%.0f', now - offer_kept_ms), 'LIMIT', 0, at_once)
  if #rooms > 0 then
    redis.call('HDEL', offers, unpack(rooms))
    redis.call('ZREM', offered, unpack(rooms))
    redis.call('ZREM', said, unpack(rooms))
  end
  return told('swept', 'more', #ids == at_once or #those == at_once or numbers == 4 * at_once)
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

-- Reads what the requests need, in a few commands.
local function read_ahead(all)
  local ids, bodies_of, names, those, starting = {}, {}, {}, {}, {}
  for _, one in ipairs(all) do
    if one.ask == 'submit' then
      bodies_of[#bodies_of + 1] = one.ticket.id
      for player in parts(one.ticket.players) do names[#names + 1] = player end
    elseif one.ask == 'claim' then
      those[#those + 1] = one.of
      for id in parts(one.tickets) do ids[#ids + 1] = id end
    elseif one.ask == 'started' then
      those[#those + 1], starting[#starting + 1] = one.of, one.of
    end
  end
  said_by.read(bodies_of)
  placed_as.read(those)
  for _, of in ipairs(starting) do
    local text = placed_as.get(of)
    for id in parts(text and word_of(text, 'tickets') or '') do ids[#ids + 1] = id end
  end
  texts.read(ids)
  for _, id in ipairs(ids) do
    local record = get(id)
    -- Of those that have a match nobody waits.
    if record and record.stage ~= 'matched' then
      for player in parts(record.players) do names[#names + 1] = player end
    end
  end
  waits_by.read(names)
end

local all, answers = {}, {}
for nth = 2, #ARGV, 2 do all[#all + 1] = cjson.decode(ARGV[nth]) end
if #all > 1 then read_ahead(all) end
for nth, one in ipairs(all) do
  ask, text_of_ask, untold = one, ARGV[2 * nth + 1], KEYS[14 + nth]
  answers[nth] = answer_to()
end
write()
return answers
