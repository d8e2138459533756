-- uses: common, placing, chosen

-- Of a fifo group they go, oldest first, behind the delivery whose turn it is.
local last = {}
for at = #ids, 1, -1 do
    local id = ids[at]
    call('ZREM', K .. 'dead', id)
    call('HDEL', K .. 'm:' .. id, 'attempt', 'crashes', 'parked', 'dead_at', 'reason', 'error', 'entry')
    call('HSET', K .. 'm:' .. id, 'due', moment)
    local sub, group = sub_of(id), body_of(id)[8]
    local list = group and K .. 'f:' .. sub .. ':' .. group
    local before = list and (last[list] or call('LINDEX', list, 0))
    if before then
        call('LINSERT', list, 'AFTER', before, id)
    else
        if list then first_of_group(id, sub, group) end
        place(id)
    end
    if list then last[list] = id end
end
return #ids
