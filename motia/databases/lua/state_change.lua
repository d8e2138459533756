-- uses: common, publishing, state

local group, key, old = ARGV[1], ARGV[2], read(ARGV[1], ARGV[2])
if (old and 1 or 0) ~= tonumber(ARGV[3]) or (old and old ~= ARGV[4]) then return {0, old} end
if ARGV[5] == '0' then
    remove(group, key)
else
    if not old then
        remove(group, key)
        call('ZADD', K .. 'go:' .. group, call('INCR', K .. 'seq'), key)
    end
    call('HSET', K .. 'g:' .. group, key, ARGV[6])
    call('SADD', K .. 'groups', group)
    if ARGV[7] == '' then
        call('ZREM', K .. 'gt', member(group, key))
    else
        call('ZADD', K .. 'gt', stamp(now + tonumber(ARGV[7])), member(group, key))
    end
end
publish(8)
return {1}
