-- uses: common, traces

local found = {}
for _, trace in ipairs(ARGV) do
    if call('EXISTS', K .. 'ts:' .. trace) == 1 then found[#found + 1] = briefly(trace) end
end
return found
