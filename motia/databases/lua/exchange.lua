-- uses: common, placing, letting_go

local settle = {}
function settle.done(id, record) forget(id, record[8]) end
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
for at = 8 + subs, #ARGV, 2 do told[#told + 1] = {ARGV[at], tonumber(ARGV[at + 1]), 'done'} end
for at, item in ipairs(told) do ids[at] = item[1] end
local records, lost = held(ids), {}
for at, item in ipairs(told) do
    local id, record = item[1], records[item[1]]
    if record and record[1] == item[2] then
        records[id] = nil
        let_go(id, record)
        settle[item[3]](id, record, item)
    else
        lost[#lost + 1] = at - 1
    end
end
flush()

for _, id in ipairs(call('ZRANGEBYSCORE', K .. 'sched', '-inf', moment, 'LIMIT', 0, 500)) do
    call('ZREM', K .. 'sched', id)
    place(id)
end

local owner, lease, suspects, turn = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])
local left = tonumber(ARGV[6])
local claimed, running = {}, {}

local function bodies_of(found)
    local names, bodies = {}, {}
    for at, item in ipairs(found) do names[at] = K .. 'b:' .. item.id end
    in_parts(names, function(...)
        for _, packed in ipairs(call('MGET', ...)) do bodies[#bodies + 1] = packed end
    end)
    return bodies
end

-- Takes deliveries of one subscription; an entry whose delivery was cancelled is dropped. How many there were.
local function claim(found, sub, wanted)
    local bodies, fields = bodies_of(found), {}
    local token = call('INCRBY', K .. 'token', #found) - #found
    local deadline, before = now + wanted.timeout, #running
    for at, item in ipairs(found) do
        if bodies[at] then
            local id, body = item.id, cmsgpack.unpack(bodies[at])
            local attempt, crashes, due, parked = 1, 0, body[7], ''
            if item.changed then
                local meta = call('HMGET', K .. 'm:' .. id, 'attempt', 'crashes', 'due', 'parked')
                attempt, crashes = tonumber(meta[1] or 0) + 1, tonumber(meta[2] or 0)
                due, parked = meta[3] or due, meta[4] or ''
            end
            fields[#fields + 1] = id
            fields[#fields + 1] = cmsgpack.pack({
                token + at, owner, deadline, body[6], item.entry or false, attempt, crashes, body[8],
                now + lease})
            running[#running + 1] = id
            claimed[#claimed + 1] = {
                id, body[1], sub, body[2], body[3], body[4], token + at, attempt, crashes, due, body[5],
                body[8] or '', parked, body[6], body[8] and 1 or 0}
        elseif item.stream then
            drop_entry(item.stream, item.entry)
        end
    end
    in_parts(fields, function(...) call('HSET', K .. 'run:' .. sub, ...) end)
    return #running - before
end

local function streams(sub)
    local found = {}
    local others = call('ZREVRANGE', K .. 'prio:' .. sub, 0, -1)
    local zero = false
    for _, priority in ipairs(others) do
        if tonumber(priority) < 0 and not zero then zero = true found[#found + 1] = stream_key(sub, 0) end
        found[#found + 1] = stream_key(sub, priority)
    end
    if not zero then found[#found + 1] = stream_key(sub, 0) end
    return found
end

local function has_unread(stream)
    return call('EXISTS', stream) == 1 and call('XLEN', stream) > call('XPENDING', stream, 'motia')[1]
end

-- Claims from a stream until it is read to its end or the limit is reached.
local function claim_stream(stream, sub, wanted, limit)
    local got = 0
    while got < limit do
        local asked = limit - got
        local read = call('XREADGROUP', 'GROUP', 'motia', 'w', 'COUNT', asked, 'STREAMS', stream, '>')
        if not read then break end
        local found = {}
        for at, entry in ipairs(read[1][2]) do
            found[at] = {id = entry[2][2], stream = stream, entry = entry[1], changed = entry[2][1] == 'm'}
        end
        got = got + claim(found, sub, wanted)
        if #found < asked then break end
    end
    return got
end

local function claim_ready(sub, wanted, limit)
    local got, names = 0, streams(sub)
    for at, stream in ipairs(names) do
        if call('EXISTS', stream) == 1 then got = got + claim_stream(stream, sub, wanted, limit - got) end
        if got >= limit then
            for later = at, #names do
                if has_unread(names[later]) then return got end
            end
            break
        end
    end
    call('SREM', K .. 'ready', sub)
    return got
end

local function claim_suspects(sub, wanted, limit)
    local found = {}
    for at, id in ipairs(call('ZRANGE', K .. 'x:' .. sub, 0, limit - 1)) do
        call('ZREM', K .. 'x:' .. sub, id)
        found[at] = {id = id, changed = true}
    end
    if call('EXISTS', K .. 'x:' .. sub) == 0 then call('SREM', K .. 'suspects', sub) end
    return claim(found, sub, wanted)
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
