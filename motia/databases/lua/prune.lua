-- uses: leaving

return forget_dead(call('ZRANGEBYSCORE', K .. 'dead', '-inf', '(' .. stamp(now - tonumber(ARGV[1])), 'LIMIT', 0, 1000))
