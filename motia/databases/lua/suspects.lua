-- uses: common

local count = 0
for _, sub in ipairs(call('SMEMBERS', K .. 'suspects')) do count = count + call('ZCARD', K .. 'x:' .. sub) end
return count
