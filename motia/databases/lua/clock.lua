-- uses: common

local clock = call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local moment = stamp(now)
