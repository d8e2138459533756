-- uses: common, publishing

local last = tonumber(call('HGET', K .. 'cron', ARGV[1]) or '-1')
if last >= tonumber(ARGV[2]) or call('SISMEMBER', K .. 'cronoff', ARGV[1]) == 1 then return 0 end
call('HSET', K .. 'cron', ARGV[1], ARGV[2])
publish(3)
return 1
