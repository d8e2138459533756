-- uses: common

call(ARGV[2] == '1' and 'SADD' or 'SREM', K .. 'cronoff', ARGV[1])
local last = tonumber(call('HGET', K .. 'cron', ARGV[1]) or '-1')
if tonumber(ARGV[3]) > last then call('HSET', K .. 'cron', ARGV[1], ARGV[3]) end
