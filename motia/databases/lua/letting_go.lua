-- uses: clock, forms

-- What the records of running deliveries say, by id.
local function held(ids)
    local subs, found = {}, {}
    for _, id in ipairs(ids) do
        local list = list_of(subs, sub_of(id))
        list[#list + 1] = id
    end
    for sub, list in pairs(subs) do
        local at = 0
        in_parts(list, function(...)
            for _, packed in ipairs(call('HMGET', K .. 'run:' .. sub, ...)) do
                at = at + 1
                found[list[at]] = packed and read_run(packed) or nil
            end
        end)
    end
    return found
end

-- What is collected here is done by `flush`, which every script that uses this calls before it reads any of it.
local gone = {ids = {}, keys = {}, runs = {}, owners = {}, entries = {}}

local function drop_entry(stream, entry)
    local list = list_of(gone.entries, stream)
    list[#list + 1] = entry
end

local function let_go(id, record)
    local sub = sub_of(id)
    gone.ids[#gone.ids + 1] = id
    local run, owned = list_of(gone.runs, sub), list_of(gone.owners, record[2])
    run[#run + 1] = id
    owned[#owned + 1] = id
    if record[5] then drop_entry(stream_key(sub, record[4]), record[5]) end
end

local function forget(id, group, fresh)
    gone.keys[#gone.keys + 1] = K .. 'b:' .. id
    if not fresh then gone.keys[#gone.keys + 1] = K .. 'm:' .. id end
    if group then next_of_group(sub_of(id), group) end
end

-- An empty stream is kept for a subscription's next message, but not for a priority or a subscription that is gone.
local function drop_stream(stream)
    if call('XLEN', stream) > 0 then return end
    local priority, sub = string.match(string.sub(stream, #K + 1), '^p:([^:]+):(.*)$')
    if priority then
        call('ZREM', K .. 'prio:' .. sub, priority)
    elseif call('HEXISTS', K .. 'subs', string.sub(stream, #K + 3)) == 1 then
        return
    end
    call('UNLINK', stream)
end

local function drop_owner(owner)
    if call('EXISTS', K .. 'own:' .. owner) == 1 then return end
    call('SREM', K .. 'owners', owner)
    call('ZREM', K .. 'lease', owner)
end

local function flush()
    if #gone.ids > 0 and call('EXISTS', K .. 'cancel') == 1 then
        in_parts(gone.ids, function(...) call('SREM', K .. 'cancel', ...) end)
    end
    for sub, list in pairs(gone.runs) do
        in_parts(list, function(...) call('HDEL', K .. 'run:' .. sub, ...) end)
    end
    for owner, list in pairs(gone.owners) do
        in_parts(list, function(...) call('SREM', K .. 'own:' .. owner, ...) end)
        drop_owner(owner)
    end
    for stream, list in pairs(gone.entries) do
        in_parts(list, function(...)
            call('XACK', stream, 'motia', ...)
            call('XDEL', stream, ...)
        end)
        drop_stream(stream)
    end
    in_parts(gone.keys, function(...) call('UNLINK', ...) end)
    gone = {ids = {}, keys = {}, runs = {}, owners = {}, entries = {}}
end

local function bury(id, group, changes)
    changes[#changes + 1] = 'dead_at'
    changes[#changes + 1] = moment
    call('HSET', K .. 'm:' .. id, unpack(changes))
    call('ZADD', K .. 'dead', moment, id)
    local sub = sub_of(id)
    if group and not blocks(sub) then next_of_group(sub, group) end
end

-- What has become a dead letter by a crash, and the trace of each, one after the other.
local died = {}

-- Takes back what an owner, who is dead or silent, held: `ids`, or what of it has lapsed. How many it was.
local function crash_all(owner, ids, lapsed_only, max_crashes, why)
    local records, count = held(ids), 0
    for _, id in ipairs(ids) do
        local record = records[id]
        if not record then
            call('SREM', K .. 'own:' .. owner, id)
        elseif not lapsed_only or record[9] < now then
            count = count + 1
            let_go(id, record)
            local crashes = record[7] + 1
            local changes = {'attempt', record[6], 'crashes', crashes, 'reason', 'worker_lost', 'error', why}
            if crashes >= max_crashes then
                died[#died + 1] = id
                died[#died + 1] = body_of(id)[4]
                bury(id, record[8], changes)
            else
                place(id, nil, changes)
            end
        end
    end
    flush()
    drop_owner(owner)
    return count
end

-- Notes when the first of an owner's leases lapses: never later than it does.
local function note_lease(owner, records)
    local first = math.huge
    for _, record in pairs(records) do first = math.min(first, record[9]) end
    if first < math.huge then call('ZADD', K .. 'lease', stamp(first), owner) end
end
