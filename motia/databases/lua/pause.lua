-- uses: common

local count = 0
local all = call('HGETALL', K .. 'subs')
for at = 1, #all, 2 do
    if cjson.decode(all[at + 1]).step == ARGV[1] then
        call(ARGV[2] == '1' and 'SADD' or 'SREM', K .. 'paused', all[at])
        count = count + 1
    end
end
wake('')
return count
