-- uses: common, forms, lanes

-- Deliveries of one subscription in one state, in the order of their turn or backwards; see motia.queues.base.
local sub, state, limit, last = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local most, looked = tonumber(ARGV[5]), tonumber(ARGV[6])
local ids, look, runs = {}, {}, {}
local function left() return limit - #ids end

local function unread(stream)
    local facts, from = call('XINFO', 'GROUPS', stream)[1], '-'
    for at = 1, #facts, 2 do
        if facts[at] == 'last-delivered-id' then from = '(' .. facts[at + 1] end
    end
    if last then return call('XREVRANGE', stream, '+', from, 'COUNT', left()) end
    return call('XRANGE', stream, from, '+', 'COUNT', left())
end

-- Those behind the first of a group, of some of the groups.
local function behind_the_first()
    for _, group in ipairs(call('SSCAN', K .. 'fg:' .. sub, 0, 'COUNT', limit)[2]) do
        if left() <= 0 then return end
        local list = K .. 'f:' .. sub .. ':' .. group
        local from, to = 1, left()
        if last then from, to = math.max(1, call('LLEN', list) - left()), -1 end
        local found = call('LRANGE', list, from, to)
        for at = 1, #found do ids[#ids + 1] = found[last and #found + 1 - at or at] end
    end
end

function look.ready()
    if last then behind_the_first() end
    local found = streams(sub)
    for at = 1, #found do
        local stream = found[last and #found + 1 - at or at][1]
        if left() > 0 and call('EXISTS', stream) == 1 then
            for _, entry in ipairs(unread(stream)) do ids[#ids + 1] = entry[2][2] end
        end
    end
    if not last then behind_the_first() end
end

function look.scheduled()
    local read = last and 'ZREVRANGE' or 'ZRANGE'
    for from = 0, looked - 1, PART do
        local page = call(read, K .. 'sched', from, from + PART - 1)
        for _, id in ipairs(page) do
            if left() > 0 and sub_of(id) == sub then ids[#ids + 1] = id end
        end
        if #page < PART or left() <= 0 then return end
    end
end

function look.suspect() ids = call(last and 'ZREVRANGE' or 'ZRANGE', K .. 'x:' .. sub, 0, limit - 1) end

-- In the order in which they were claimed.
function look.running()
    local cursor, found = '0', {}
    repeat
        local page = call('HSCAN', K .. 'run:' .. sub, cursor, 'COUNT', PART)
        cursor = page[1]
        for at = 1, #page[2], 2 do found[#found + 1] = {page[2][at], read_run(page[2][at + 1])} end
    until cursor == '0' or #found >= looked
    table.sort(found, function(a, b) return (a[2][1] < b[2][1]) ~= last end)
    for at = 1, math.min(limit, #found) do
        ids[at] = found[at][1]
        runs[ids[at]] = found[at][2]
    end
end

-- A delivery whose payload is long is read to where that begins.
local function text_of(id, length)
    local key = K .. 'b:' .. id
    if length > most + 4096 and string.byte(call('GETRANGE', key, 0, 0)) ~= EARLIER then
        return call('GETRANGE', key, 0, 4095), length
    end
    local text = call('GET', key)
    if string.byte(text) == EARLIER then text = write_body(unpack(read_body(text))) end
    return text, #text
end

look[state]()
local rows = {}
for _, id in ipairs(ids) do
    local length = call('STRLEN', K .. 'b:' .. id)
    if length > 0 then
        local text, whole = text_of(id, length)
        local meta = call('HMGET', K .. 'm:' .. id, 'attempt', 'crashes', 'due', 'reason', 'error')
        local run = runs[id] or {}
        rows[#rows + 1] = {text, whole, run[6] or meta[1] or '0', meta[2] or '0', meta[3] or '', run[2] or '',
                           meta[4] or '', meta[5] or ''}
    end
end
return rows
