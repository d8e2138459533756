-- uses: common, placing, letting_go

local count = 0
for _, owner in ipairs(call('ZRANGEBYSCORE', K .. 'lease', '-inf', '(' .. moment)) do
    if count >= 500 then break end
    local own = K .. 'own:' .. owner
    count = count + crash_all(owner, call('SMEMBERS', own), true, tonumber(ARGV[1]), ARGV[2])
    note_lease(owner, held(call('SMEMBERS', own)))
end
return {count, unpack(died)}
