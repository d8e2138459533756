local awake = {}

-- The entry of a ready delivery; `changed` tells the claim to look for what is no longer as it was published.
local function make_ready(id, sub, priority, changed)
    local stream = stream_key(sub, priority)
    if priority ~= 0 then call('ZADD', K .. 'prio:' .. sub, priority, priority) end
    local entry = call('XADD', stream, 'NOMKSTREAM', '*', changed and 'm' or 'i', id)
    if not entry then
        call('XGROUP', 'CREATE', stream, 'motia', '0', 'MKSTREAM')
        entry = call('XADD', stream, '*', changed and 'm' or 'i', id)
    end
    if not awake[sub] then
        awake[sub] = true
        if call('SADD', K .. 'ready', sub) == 1 then wake('queue') end
    end
    return entry
end

local function schedule(id, due)
    call('ZADD', K .. 'sched', stamp(due), id)
    if call('ZRANK', K .. 'sched', id) == 0 then wake('queue') end
end

local function first_of_group(id, sub, group)
    call('SADD', K .. 'fg:' .. sub, group)
    return call('RPUSH', K .. 'f:' .. sub .. ':' .. group, id) == 1
end
