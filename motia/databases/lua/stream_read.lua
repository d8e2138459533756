-- uses: common, stream

local after = tonumber(ARGV[2])
local found = entries_after(ARGV[1], after, ARGV[3])
if #found == 0 then
    local seq = tonumber(call('HGET', K .. 'sh:' .. ARGV[1], 'seq') or 0)
    if seq > after then return false end
    return found
end
return number_of(found[1]) == after + 1 and found or false
