-- uses: common, placing, letting_go

local owner, until_when, overtime = ARGV[1], now + tonumber(ARGV[2]), tonumber(ARGV[3])
local found, asked, renewed = {}, {}, {}
for _, id in ipairs(call('SMEMBERS', K .. 'cancel')) do asked[id] = 1 end
local records = held(call('SMEMBERS', K .. 'own:' .. owner))
for id, record in pairs(records) do
    local overdue = now - record[3]
    if overdue <= overtime then
        record[9] = until_when
        local list = list_of(renewed, sub_of(id))
        list[#list + 1] = id
        list[#list + 1] = write_run(unpack(record))
    end
    found[#found + 1] = {id, record[1], asked[id] or 0, stamp(overdue)}
end
for sub, list in pairs(renewed) do
    in_parts(list, function(...) call('HSET', K .. 'run:' .. sub, ...) end)
end
note_lease(owner, records)
return found
