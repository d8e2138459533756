-- uses: common, placing, letting_go, lanes

local settle = {}
function settle.dead(id, record, item)
    bury(id, record[8], {'attempt', record[6], 'reason', item[5], 'error', item[6]})
end
function settle.retry(id, record, item)
    place(id, now + item[4], {'attempt', record[6], 'due', stamp(now + item[4]), 'reason', item[5], 'error', item[6]})
end
function settle.release(id, record) place(id, nil, {'attempt', record[6] - 1}) end
function settle.park(id, record, item)
    call('HSETNX', K .. 'm:' .. id, 'parked', moment)
    place(id, now + item[4],
        {'attempt', record[6] - 1, 'due', stamp(now + item[4]), 'reason', item[5], 'error', item[6]})
end

-- Most deliveries are just done: those come as pairs of id and token behind the subscriptions, the others first.
local told, subs, ids = cjson.decode(ARGV[1]), tonumber(ARGV[7]), {}
for at, item in ipairs(told) do ids[at] = item[1] end
for at = 8 + subs, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
local records, lost = held(ids), {}

-- The record of a delivery that its worker may still speak of, for the last time.
local function taken(at, token)
    local id = ids[at]
    local record = records[id]
    if not record or record[1] ~= token then
        lost[#lost + 1] = at - 1
        return
    end
    records[id] = nil
    let_go(id, record)
    return record
end
for at, item in ipairs(told) do
    local record = taken(at, item[2])
    if record then settle[item[3]](item[1], record, item) end
end
for at = #told + 1, #ids do
    local record = taken(at, tonumber(ARGV[9 + subs + 2 * (at - #told - 1)]))
    if record then forget(ids[at], record[8], record[10]) end
end
flush()

for _, id in ipairs(call('ZRANGEBYSCORE', K .. 'sched', '-inf', moment, 'LIMIT', 0, 500)) do
    call('ZREM', K .. 'sched', id)
    place(id)
end

local owner, lease, suspects, turn = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])
local left = tonumber(ARGV[6])
local claimed, running = {}, {}

local function bodies_of(ids)
    local names, bodies = {}, {}
    for at, id in ipairs(ids) do names[at] = K .. 'b:' .. id end
    in_parts(names, function(...)
        for _, text in ipairs(call('MGET', ...)) do bodies[#bodies + 1] = text end
    end)
    return bodies
end

-- What was noted of a delivery since it was published, for the worker.
local function changes_of(id, text)
    local meta = call('HMGET', K .. 'm:' .. id, 'attempt', 'crashes', 'due', 'parked')
    return {text, tonumber(meta[1] or 0) + 1, tonumber(meta[2] or 0), meta[3] or '', meta[4] or ''}
end

-- Takes deliveries of one subscription; an entry whose delivery was cancelled is dropped. How many there were.
-- `from`: their stream and its priority, the entries, and which of them have changed; nil for suspects, as all have.
local function claim(ids, sub, wanted, from)
    local bodies, fields, rows = bodies_of(ids), {}, {}
    local token = call('INCRBY', K .. 'token', #ids) - #ids
    local deadline, lasts = now + wanted.timeout, now + lease
    for at, id in ipairs(ids) do
        local text, entry = bodies[at], from and from.entries[at]
        if text then
            local group, priority, attempt, crashes, fresh = false, from and from.priority, 1, 0, true
            if not from or string.byte(text) ~= UNGROUPED then
                local body = read_body(text)
                group, priority = body[8], body[6]
                if string.byte(text) == EARLIER then text = write_body(unpack(body)) end
            end
            if not from or from.changed[at] then
                text, fresh = changes_of(id, text), false
                attempt, crashes = text[2], text[3]
            end
            rows[#rows + 1] = text
            running[#running + 1] = id
            fields[#fields + 1] = id
            fields[#fields + 1] = write_run(
                token + #rows, owner, deadline, priority, entry, attempt, crashes, group, lasts, fresh)
        elseif entry then
            drop_entry(from.stream, entry)
        end
    end
    in_parts(fields, function(...) call('HSET', K .. 'run:' .. sub, ...) end)
    if #rows > 0 then claimed[#claimed + 1] = {sub, token, rows} end
    return #rows
end

local function has_unread(stream)
    return call('EXISTS', stream) == 1 and call('XLEN', stream) > call('XPENDING', stream, 'motia')[1]
end

-- Claims from a stream until it is read to its end or the limit is reached.
local function claim_stream(stream, priority, sub, wanted, limit)
    local got = 0
    while got < limit do
        local asked = limit - got
        local read = call('XREADGROUP', 'GROUP', 'motia', 'w', 'COUNT', asked, 'STREAMS', stream, '>')
        if not read then break end
        local ids, entries, changed = {}, {}, {}
        for at, entry in ipairs(read[1][2]) do
            local field = entry[2]
            ids[at], entries[at], changed[at] = field[2], entry[1], field[1] == 'm'
        end
        got = got + claim(
            ids, sub, wanted, {stream = stream, priority = priority, entries = entries, changed = changed})
        if #ids < asked then break end
    end
    return got
end

local function claim_ready(sub, wanted, limit)
    local got, found = 0, streams(sub)
    for at, item in ipairs(found) do
        local stream, priority = unpack(item)
        if call('EXISTS', stream) == 1 then got = got + claim_stream(stream, priority, sub, wanted, limit - got) end
        if got >= limit then
            for later = at, #found do
                if has_unread(found[later][1]) then return got end
            end
            break
        end
    end
    call('SREM', K .. 'ready', sub)
    return got
end

local function claim_suspects(sub, wanted, limit)
    local ids = call('ZRANGE', K .. 'x:' .. sub, 0, limit - 1)
    for _, id in ipairs(ids) do call('ZREM', K .. 'x:' .. sub, id) end
    if call('EXISTS', K .. 'x:' .. sub) == 0 then call('SREM', K .. 'suspects', sub) end
    return claim(ids, sub, wanted)
end

-- The subscriptions that the worker serves, have something and may run more.
local function present()
    local served, found = {}, {}
    for at = 8, 7 + subs do served[ARGV[at]] = true end
    for _, sub in ipairs(call('SMEMBERS', K .. (suspects and 'suspects' or 'ready'))) do
        local packed = served[sub] and call('HGET', K .. 'subs', sub)
        if packed and call('SISMEMBER', K .. 'paused', sub) == 0 then
            local wanted = cjson.decode(packed)
            wanted.free = 1e9
            if wanted.concurrency ~= cjson.null then
                wanted.free = wanted.concurrency - call('HLEN', K .. 'run:' .. sub)
            end
            if wanted.free > 0 then found[#found + 1] = {sub, wanted} end
        end
    end
    table.sort(found, function(a, b) return a[1] < b[1] end)
    return found
end

local waiting = left > 0 and present() or {}
while left > 0 and #waiting > 0 do
    local again, count = {}, #waiting
    for position = 1, count do
        local sub, wanted = unpack(waiting[(position + turn - 1) % count + 1])
        local limit = math.min(math.ceil(left / (count - position + 1)), wanted.free)
        local got = 0
        if limit > 0 then got = (suspects and claim_suspects or claim_ready)(sub, wanted, limit) end
        left, wanted.free = left - got, wanted.free - got
        if got > 0 and got == limit and wanted.free > 0 then again[#again + 1] = {sub, wanted} end
    end
    waiting = again
end
flush()

if #running > 0 then
    call('SADD', K .. 'owners', owner)
    call('ZADD', K .. 'lease', 'LT', stamp(now + lease), owner)
    in_parts(running, function(...) call('SADD', K .. 'own:' .. owner, ...) end)
end
local due = call('ZRANGE', K .. 'sched', 0, 0, 'WITHSCORES')
return {lost, claimed, due[2] and stamp(tonumber(due[2]) - now) or ''}
