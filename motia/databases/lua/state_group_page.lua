-- uses: common, state

-- A group that has more values than are looked at has a live one, or is to be pruned soon.
local LOOKED = 20
local function has_live(group)
    local keys = call('ZRANGE', K .. 'go:' .. group, 0, LOOKED - 1)
    for _, key in ipairs(keys) do
        if is_live(group, key) then return true end
    end
    return #keys == LOOKED
end
local page, names = call('SSCAN', K .. 'groups', ARGV[1], 'COUNT', ARGV[2]), {}
for _, group in ipairs(page[2]) do
    if has_live(group) then names[#names + 1] = group end
end
return {page[1], names}
