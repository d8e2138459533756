-- uses: common, traces

local function put_span(seq, trace, span, start, row, body)
    local key = K .. 'ts:' .. trace
    if call('HEXISTS', key, span) == 0 and call('HLEN', key) >= MAX_SPANS then return end
    call('HSET', key, span, string.format('%d', seq) .. ' ' .. row)
    if body ~= '' then call('HSET', K .. 'tb:' .. trace, span, body) end
    call('ZADD', K .. 'tf', seq, span_member(trace, span))
    call('ZADD', K .. 'tz', 'LT', start, trace)
    call('ZADD', K .. 'tr', start, trace .. span)
end
local function put_event(seq, trace, moment, kind, topic, row)
    local key, number = K .. 'te:' .. trace, string.format('%d', seq)
    if call('EXISTS', K .. 'ts:' .. trace) == 0 or call('HLEN', key) >= MAX_EVENTS then return end
    call('HSET', key, number, row)
    call('ZADD', K .. 'tf', seq, event_member(trace, number))
    if kind == 'log' then call('ZADD', K .. 'tl', moment, placed(seq, trace)) end
    if kind == 'enqueue' then
        call('ZADD', K .. 'tq', moment, placed(seq, topic))
        call('HSET', K .. 'tt:' .. trace, number, topic)
    end
end
-- In the order of their numbers, but spans first: an event is kept only where its trace is known.
local first = call('INCRBY', K .. 'tn', #ARGV / 6) - #ARGV / 6 + 1
for _, wanted in ipairs({'span', 'event'}) do
    local put = wanted == 'span' and put_span or put_event
    for at = 1, #ARGV, 6 do
        if ARGV[at] == wanted then put(first + (at - 1) / 6, unpack(ARGV, at + 1, at + 5)) end
    end
end
return 1
