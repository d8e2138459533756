-- uses: common, state

local found = {}
for _, group in ipairs(call('SMEMBERS', K .. 'groups')) do
    for _, key in ipairs(call('HKEYS', K .. 'g:' .. group)) do
        if read(group, key) then found[#found + 1] = group break end
    end
end
return found
