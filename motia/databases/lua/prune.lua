-- uses: clock

local ids = call('ZRANGEBYSCORE', K .. 'dead', '-inf', '(' .. stamp(now - tonumber(ARGV[1])), 'LIMIT', 0, 1000)
for _, id in ipairs(ids) do
    call('ZREM', K .. 'dead', id)
    call('UNLINK', K .. 'b:' .. id, K .. 'm:' .. id)
end
return #ids
