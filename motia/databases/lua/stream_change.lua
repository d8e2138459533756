-- uses: common, publishing, stream

local stream, group, id = ARGV[1], ARGV[2], ARGV[3]
local room = stream .. '/' .. group
local old, kind, data = call('HGET', K .. 'i:' .. room, id), nil, ARGV[7]
if (old and 1 or 0) ~= tonumber(ARGV[4]) or (old and old ~= ARGV[5]) then return {0, old} end
if ARGV[6] == '1' then
    kind = old and 'update' or 'create'
    if not old then
        call('ZADD', K .. 'io:' .. room, call('INCR', K .. 'seq'), id)
        call('SADD', K .. 'ig:' .. stream, group)
    end
    call('HSET', K .. 'i:' .. room, id, data)
else
    if not old then return {1, 0, 0} end
    kind, data = 'delete', old
    call('HDEL', K .. 'i:' .. room, id)
    call('ZREM', K .. 'io:' .. room, id)
    if call('EXISTS', K .. 'i:' .. room) == 0 then call('SREM', K .. 'ig:' .. stream, group) end
end
local seq, stamp = append(stream, group, id, kind, data)
stamp_messages(9, ARGV[8], stamp)
publish(9)
wake('streams')
return {1, seq, stamp}
