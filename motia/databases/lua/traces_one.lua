-- uses: common, traces

local trace = ARGV[1]
return {call('HGETALL', K .. 'ts:' .. trace), call('HGETALL', K .. 'tb:' .. trace), call('HGETALL', K .. 'te:' .. trace)}
