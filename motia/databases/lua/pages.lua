-- uses: common

-- A page of what `hash` holds by the order in `order`, and where the next one begins. `wanted`: whether a key is.
local function page_of(order, hash, wanted)
    local prefix, after, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
    local most, looked = tonumber(ARGV[4]), tonumber(ARGV[5])
    local count = prefix == '' and limit + 1 or PART
    local rows, seen = {}, 0
    while true do
        local from = after == '' and '-inf' or '(' .. after
        local found = call('ZRANGE', order, from, '+inf', 'BYSCORE', 'LIMIT', 0, count, 'WITHSCORES')
        for at = 1, #found, 2 do
            if #rows >= limit or seen >= looked then return {rows, after} end
            local key = found[at]
            after, seen = found[at + 1], seen + 1
            if string.sub(key, 1, #prefix) == prefix and wanted(key) then
                local size = call('HSTRLEN', hash, key)
                rows[#rows + 1] = {key, size <= most and call('HGET', hash, key), size}
            end
        end
        if #found < 2 * count then return {rows, ''} end
    end
end
