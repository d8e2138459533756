-- uses: common, traces

-- Log lines in a time, the newest first: of each its trace, its number and its row.
local found = {}
local page = call('ZRANGE', K .. 'tl', ARGV[1], ARGV[2], 'BYSCORE', 'REV', 'LIMIT', ARGV[3], ARGV[4])
for _, member in ipairs(page) do
    local trace, number = string.sub(member, 18), string.format('%d', tonumber(string.sub(member, 1, 16)))
    found[#found + 1] = {trace, number, call('HGET', K .. 'te:' .. trace, number)}
end
return found
