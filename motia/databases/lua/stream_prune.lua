-- uses: common, stream

local horizon, total = millis() - tonumber(ARGV[1]) * 1000, 0
for _, stream in ipairs(call('SMEMBERS', K .. 'streams')) do
    local beyond
    for _, entry in ipairs(call('XRANGE', K .. 'sl:' .. stream, '-', '+', 'COUNT', 2000)) do
        if tonumber(entry[2][2]) >= horizon then break end
        beyond = number_of(entry) + 1
    end
    if beyond then total = total + call('XTRIM', K .. 'sl:' .. stream, 'MINID', whole(beyond) .. '-0') end
end
return total
