-- uses: common

local found, died = {}, {}
local function of(sub)
    if not found[sub] then found[sub] = {ready = 0, scheduled = 0, running = 0, dead = 0, blocked = 0} end
    return found[sub]
end
local all = call('HGETALL', K .. 'subs')
for at = 1, #all, 2 do
    local item = of(all[at])
    local wanted = cjson.decode(all[at + 1])
    item.topic, item.step = wanted.topic, wanted.step
    item.blocks = wanted.blocks
    item.paused = call('SISMEMBER', K .. 'paused', all[at])
end
for _, id in ipairs(call('ZRANGE', K .. 'sched', 0, -1)) do
    local item = of(sub_of(id))
    item.scheduled = item.scheduled + 1
end
for _, id in ipairs(call('ZRANGE', K .. 'dead', 0, -1)) do
    local item = of(sub_of(id))
    item.dead = item.dead + 1
    died[id] = item.blocks
end

-- Of a group's list only the first is anywhere else; what is behind a dead letter is held back by it.
local function count_group(item, list)
    if not item.blocks or item.dead == 0 then
        item.ready = item.ready + call('LLEN', list) - 1
        return
    end
    local held = false
    for at, id in ipairs(call('LRANGE', list, 0, -1)) do
        if died[id] then
            held = true
        elseif held then
            item.blocked = item.blocked + 1
        elseif at > 1 then
            item.ready = item.ready + 1
        end
    end
end

for _, set in ipairs({'ready', 'suspects'}) do
    for _, sub in ipairs(call('SMEMBERS', K .. set)) do of(sub) end
end
for _, owner in ipairs(call('SMEMBERS', K .. 'owners')) do
    for _, id in ipairs(call('SMEMBERS', K .. 'own:' .. owner)) do of(sub_of(id)) end
end
for sub, item in pairs(found) do
    item.running = call('HLEN', K .. 'run:' .. sub)
    item.ready = call('ZCARD', K .. 'x:' .. sub)
    local names = {stream_key(sub, 0)}
    for _, priority in ipairs(call('ZRANGE', K .. 'prio:' .. sub, 0, -1)) do
        names[#names + 1] = stream_key(sub, priority)
    end
    for _, stream in ipairs(names) do
        if call('EXISTS', stream) == 1 then
            item.ready = item.ready + call('XLEN', stream) - call('XPENDING', stream, 'motia')[1]
        end
    end
    for _, group in ipairs(call('SMEMBERS', K .. 'fg:' .. sub)) do
        count_group(item, K .. 'f:' .. sub .. ':' .. group)
    end
end
return cjson.encode(found)
