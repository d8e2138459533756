-- uses: common, publishing, state

local expected = cjson.decode(ARGV[2])
local keys = call('ZRANGE', K .. 'go:' .. ARGV[1], 0, -1)
local live = 0
for _, key in ipairs(keys) do
    local value = read(ARGV[1], key)
    if value then
        live = live + 1
        if expected[key] ~= value then return 0 end
    end
end
if live ~= tonumber(ARGV[3]) then return 0 end
for _, key in ipairs(keys) do remove(ARGV[1], key) end
publish(4)
return 1
