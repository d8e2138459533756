-- uses: clock, ready, forms

local function body_of(id) return read_body(call('GET', K .. 'b:' .. id)) end

-- Has an unfinished delivery that nobody runs wait in its place: scheduled, suspect or ready.
local function place(id, due, changes)
    local sub, meta = sub_of(id), K .. 'm:' .. id
    if changes then call('HSET', meta, unpack(changes)) end
    if due and due > now then return schedule(id, due) end
    local crashes = tonumber(call('HGET', meta, 'crashes') or 0)
    if crashes > 0 then
        call('ZADD', K .. 'x:' .. sub, crashes * 1e12 + now, id)
        call('SADD', K .. 'suspects', sub)
        return wake('suspects')
    end
    call('HSET', meta, 'entry', make_ready(id, sub, body_of(id)[6], true))
end

local function next_of_group(sub, group)
    local list = K .. 'f:' .. sub .. ':' .. group
    call('LPOP', list)
    local id = call('LINDEX', list, 0)
    if not id then
        call('SREM', K .. 'fg:' .. sub, group)
    elseif not call('ZSCORE', K .. 'dead', id) then
        place(id, tonumber(body_of(id)[7]))
    end
end

-- Whether a dead letter of a subscription holds back the later ones of its group.
local function blocks(sub)
    local packed = call('HGET', K .. 'subs', sub)
    return packed and cjson.decode(packed).blocks
end
