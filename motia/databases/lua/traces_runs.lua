-- uses: common, traces

local found = {}
local page = call('ZRANGE', K .. 'tr', '(' .. ARGV[2], ARGV[1], 'BYSCORE', 'REV', 'LIMIT', ARGV[3], ARGV[4])
for _, member in ipairs(page) do
    found[#found + 1] = call('HGET', K .. 'ts:' .. string.sub(member, 1, 32), string.sub(member, 33))
end
return found
