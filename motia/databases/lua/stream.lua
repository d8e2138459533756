-- uses: clock

local function millis() return tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000) end
local function whole(value) return string.format('%.0f', value) end

-- The head of a stream: number and timestamp of its newest entry, and when it was first used.
local function head_of(stream)
    local found = call('HMGET', K .. 'sh:' .. stream, 'seq', 'stamp', 'born')
    if found[1] then return {tonumber(found[1]), tonumber(found[2]), tonumber(found[3])} end
    local born = millis()
    call('HSET', K .. 'sh:' .. stream, 'seq', 0, 'stamp', whole(born), 'born', whole(born))
    call('SADD', K .. 'streams', stream)
    return {0, born, born}
end

local function append(stream, group, id, kind, data)
    local head = head_of(stream)
    local seq, stamp = head[1] + 1, math.max(head[2] + 1, millis())
    call('HSET', K .. 'sh:' .. stream, 'seq', whole(seq), 'stamp', whole(stamp))
    call('XADD', K .. 'sl:' .. stream, whole(seq) .. '-0',
        't', whole(stamp), 'g', group, 'i', id and ('=' .. id) or '', 'k', kind, 'd', data)
    return seq, stamp
end

local function entries_after(stream, after, limit)
    return call('XRANGE', K .. 'sl:' .. stream, whole(after + 1) .. '-0', '+', 'COUNT', limit)
end
local function number_of(entry) return tonumber(string.match(entry[1], '^%d+')) end

-- Messages are written before their timestamp is known; it replaces `placeholder` where that first stands.
local function stamp_messages(from, placeholder, stamp)
    for at = from + 2, #ARGV, 5 do
        local first, last = string.find(ARGV[at], placeholder, 1, true)
        if first then ARGV[at] = string.sub(ARGV[at], 1, first - 1) .. whole(stamp) .. string.sub(ARGV[at], last + 1) end
    end
end
