-- uses: common, state

local found = {}
for _, key in ipairs(call('ZRANGE', K .. 'go:' .. ARGV[1], 0, -1)) do
    local value = read(ARGV[1], key)
    if value then found[#found + 1] = key found[#found + 1] = value end
end
return found
