-- uses: common, publishing, stream

local id = ARGV[3] == '1' and ARGV[4] or false
local seq, stamp = append(ARGV[1], ARGV[2], id, 'event', ARGV[5])
stamp_messages(7, ARGV[6], stamp)
publish(7)
wake('streams')
return {seq, stamp}
