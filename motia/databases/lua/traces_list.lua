-- uses: common, traces

-- The traces that started at a time or before, the newest first, from the one after another; as far as there is room.
local start, last, limit, room = ARGV[1], ARGV[2], tonumber(ARGV[3]), 4000
local found, from = {}, 0
while #found < limit and room > 0 do
    local page = call('ZRANGE', K .. 'tz', start, '-inf', 'BYSCORE', 'REV', 'LIMIT', from, limit)
    for _, trace in ipairs(page) do
        local before = last ~= '' and trace >= last and call('ZSCORE', K .. 'tz', trace) == start
        if not before and #found < limit and room > 0 then
            found[#found + 1] = briefly(trace)
            room = room - #found[#found][2] / 2
        end
    end
    if #page < limit then break end
    from = from + limit
end
return found
