-- uses: common, placing

-- A dead letter is no longer among what its group waits for.
local function leave_group(id, sub, group)
    local list = K .. 'f:' .. sub .. ':' .. group
    if call('LINDEX', list, 0) == id then next_of_group(sub, group) else call('LREM', list, 1, id) end
end

local function forget_dead(ids)
    local blocking = {}
    for _, id in ipairs(ids) do
        local sub = sub_of(id)
        if blocking[sub] == nil then blocking[sub] = blocks(sub) or false end
        local group = blocking[sub] and body_of(id)[8]
        call('ZREM', K .. 'dead', id)
        call('UNLINK', K .. 'b:' .. id, K .. 'm:' .. id)
        if group then leave_group(id, sub, group) end
    end
    return #ids
end
