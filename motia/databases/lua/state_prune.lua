-- uses: common, state

local count = 0
for _, name in ipairs(call('ZRANGEBYSCORE', K .. 'gt', '-inf', stamp(now), 'LIMIT', 0, 1000)) do
    local colon = string.find(name, ':', 1, true)
    local length = tonumber(string.sub(name, 1, colon - 1))
    remove(string.sub(name, colon + 1, colon + length), string.sub(name, colon + length + 1))
    count = count + 1
end
return count
