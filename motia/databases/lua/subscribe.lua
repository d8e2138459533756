-- uses: common, placing, leaving

local wanted, steps = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local mine, there, before = {}, {}, {}
for _, step in ipairs(steps) do mine[step] = true end
for _, item in ipairs(wanted) do there[item.id] = item end

-- Calls `act` with each dead letter that has a group, and its group.
local function each_dead(sub, command, act)
    for _, id in ipairs(call(command, K .. 'dead', 0, -1)) do
        local group = sub_of(id) == sub and body_of(id)[8]
        if group then act(id, sub, group) end
    end
end

-- What has died before is waited for from now on, though whoever is next already stays so.
local function hold_back(id, sub, group)
    local list = K .. 'f:' .. sub .. ':' .. group
    local first = call('LINDEX', list, 0)
    if not first then
        first_of_group(id, sub, group)
    elseif not call('LPOS', list, id) then
        if call('ZSCORE', K .. 'dead', first) then call('LPUSH', list, id) else call('LINSERT', list, 'AFTER', first, id) end
    end
end

local all = call('HGETALL', K .. 'subs')
for at = 1, #all, 2 do
    local old = cjson.decode(all[at + 1])
    local new = there[all[at]]
    before[all[at]] = old
    if (mine[old.step] and not new) or (new and new.topic ~= old.topic) then
        call('HDEL', K .. 'topic:' .. old.topic, all[at])
        call('HDEL', K .. 'subs', all[at])
        local stream = stream_key(all[at], 0)
        if not new and call('XLEN', stream) == 0 then call('UNLINK', stream) end
    end
    if old.blocks and ((mine[old.step] and not new) or (new and not new.blocks)) then
        each_dead(all[at], 'ZRANGE', leave_group)
    end
end
for _, item in ipairs(wanted) do
    local spec = ''
    if item.scope_group ~= cjson.null or item.scope_key ~= cjson.null or item.fifo or item.delay > 0 then
        spec = cjson.encode({
            scope_group = item.scope_group ~= cjson.null and item.scope_group or nil,
            scope_key = item.scope_key ~= cjson.null and item.scope_key or nil,
            fifo = item.fifo, delay = item.delay})
    end
    call('HSET', K .. 'subs', item.id, cjson.encode(item))
    call('HSET', K .. 'topic:' .. item.topic, item.id, spec)
    local old = before[item.id]
    if item.blocks and not (old and old.blocks) then each_dead(item.id, 'ZREVRANGE', hold_back) end
end
