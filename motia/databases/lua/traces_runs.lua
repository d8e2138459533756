-- uses: common, traces

-- The runs of a time, the newest first: of each its trace and span as one name, and its row.
local found = {}
local page = call('ZRANGE', K .. 'tr', '(' .. ARGV[2], ARGV[1], 'BYSCORE', 'REV', 'LIMIT', ARGV[3], ARGV[4])
for _, member in ipairs(page) do
    local row = call('HGET', K .. 'ts:' .. string.sub(member, 1, 32), string.sub(member, 33))
    found[#found + 1] = {member, row}
end
return found
