-- uses: common

return call('SMEMBERS', K .. 'ig:' .. ARGV[1])
