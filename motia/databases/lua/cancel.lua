-- uses: common, placing, letting_go

local count = 0
for _, sub in ipairs(call('HKEYS', K .. 'subs')) do
    local id = ARGV[1] .. ':' .. sub
    local packed = call('GET', K .. 'b:' .. id)
    if packed and not call('ZSCORE', K .. 'dead', id) then
        count = count + 1
        if call('HEXISTS', K .. 'run:' .. sub, id) == 1 then
            call('SADD', K .. 'cancel', id)
        else
            local body = read_body(packed)
            local group, priority = body[8], body[6]
            local first = not group or call('LINDEX', K .. 'f:' .. sub .. ':' .. group, 0) == id
            call('ZREM', K .. 'sched', id)
            call('ZREM', K .. 'x:' .. sub, id)
            local entry = call('HGET', K .. 'm:' .. id, 'entry') or body[9]
            if entry then drop_entry(stream_key(sub, priority), entry) end
            if group and not first then
                call('LREM', K .. 'f:' .. sub .. ':' .. group, 1, id)
                group = false
            end
            forget(id, group)
        end
    end
end
flush()
return count
