-- uses: common, placing, chosen

-- Of a fifo group they go, oldest first, behind the delivery whose turn it is; who held the group back has its place.
local last = {}
local function take_turn(id, sub, group)
    local list = K .. 'f:' .. sub .. ':' .. group
    local first = call('LINDEX', list, 0)
    if first == id then
        place(id)
    elseif not first then
        first_of_group(id, sub, group)
        place(id)
    elseif not (blocks(sub) and call('LPOS', list, id)) then
        call('LINSERT', list, 'AFTER', last[list] or first, id)
    end
    last[list] = id
end

for at = #ids, 1, -1 do
    local id = ids[at]
    call('ZREM', K .. 'dead', id)
    call('HDEL', K .. 'm:' .. id, 'attempt', 'crashes', 'parked', 'dead_at', 'reason', 'error', 'entry')
    call('HSET', K .. 'm:' .. id, 'due', moment)
    local group = body_of(id)[8]
    if group then take_turn(id, sub_of(id), group) else place(id) end
end
return #ids
