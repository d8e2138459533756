-- uses: common

local found = {}
for at = 1, #ARGV do
    found[at] = tonumber(call('HGET', K .. 'sh:' .. ARGV[at], 'seq') or -1)
end
return found
