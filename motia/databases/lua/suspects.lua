-- uses: common

local found = {}
for _, sub in ipairs(call('SMEMBERS', K .. 'suspects')) do
    if call('SISMEMBER', K .. 'paused', sub) == 0 then
        found[#found + 1] = sub
        found[#found + 1] = call('ZCARD', K .. 'x:' .. sub)
    end
end
return found
