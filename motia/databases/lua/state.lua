-- uses: clock

local function member(group, key) return #group .. ':' .. group .. key end
local function is_live(group, key)
    local expires = call('ZSCORE', K .. 'gt', member(group, key))
    return not expires or tonumber(expires) > now
end
local function read(group, key)
    if not is_live(group, key) then return false end
    return call('HGET', K .. 'g:' .. group, key)
end
local function remove(group, key)
    call('HDEL', K .. 'g:' .. group, key)
    call('ZREM', K .. 'go:' .. group, key)
    call('ZREM', K .. 'gt', member(group, key))
    if call('EXISTS', K .. 'g:' .. group) == 0 then call('SREM', K .. 'groups', group) end
end
