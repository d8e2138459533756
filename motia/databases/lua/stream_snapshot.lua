-- uses: common, stream

local head, room, items = head_of(ARGV[1]), ARGV[1] .. '/' .. ARGV[2], {}
local ids = ARGV[3] == '1' and {ARGV[4]} or call('ZRANGE', K .. 'io:' .. room, 0, -1)
for _, id in ipairs(ids) do
    local item = call('HGET', K .. 'i:' .. room, id)
    if item then items[#items + 1] = id items[#items + 1] = item end
end
return {head[1], head[2], head[3], items}
