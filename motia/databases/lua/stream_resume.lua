-- uses: common, stream

local stream, group, after, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5])
local head = head_of(stream)
if head[3] ~= tonumber(ARGV[4]) or head[1] < after then return false end
local found, at = {}, after
while at < head[1] do
    local page = entries_after(stream, at, 500)
    if #page == 0 or number_of(page[1]) ~= at + 1 then return false end
    for _, entry in ipairs(page) do
        at = number_of(entry)
        if entry[2][4] == group then
            found[#found + 1] = entry
            if #found == limit then return {at, found} end
        end
    end
end
return {head[1], found}
