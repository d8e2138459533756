-- uses: common, state

return read(ARGV[1], ARGV[2])
