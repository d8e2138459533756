-- uses: common

-- The streams of a subscription, each with its priority, highest first.
local function streams(sub)
    local found, zero = {}, false
    for _, priority in ipairs(call('ZREVRANGE', K .. 'prio:' .. sub, 0, -1)) do
        priority = tonumber(priority)
        if priority < 0 and not zero then
            zero = true
            found[#found + 1] = {stream_key(sub, 0), 0}
        end
        found[#found + 1] = {stream_key(sub, priority), priority}
    end
    if not zero then found[#found + 1] = {stream_key(sub, 0), 0} end
    return found
end
