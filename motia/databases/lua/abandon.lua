-- uses: common, placing, letting_go

local owner = ARGV[3]
local ids = call('SRANDMEMBER', K .. 'own:' .. owner, 500)
crash_all(owner, ids, false, tonumber(ARGV[1]), ARGV[2])
return {#ids, unpack(died)}
