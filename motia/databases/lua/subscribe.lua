-- uses: common

local wanted, steps = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local mine, there = {}, {}
for _, step in ipairs(steps) do mine[step] = true end
for _, item in ipairs(wanted) do there[item.id] = item end
local all = call('HGETALL', K .. 'subs')
for at = 1, #all, 2 do
    local old = cjson.decode(all[at + 1])
    local new = there[all[at]]
    if (mine[old.step] and not new) or (new and new.topic ~= old.topic) then
        call('HDEL', K .. 'topic:' .. old.topic, all[at])
        call('HDEL', K .. 'subs', all[at])
        local stream = stream_key(all[at], 0)
        if not new and call('XLEN', stream) == 0 then call('UNLINK', stream) end
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
end
