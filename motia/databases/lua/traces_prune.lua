-- uses: common, traces

-- Forgets the oldest traces: those before a time, and those beyond so many; as many as there is room for in one turn.
local before, keep, limit, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), 20000
local pruned = tonumber(call('GET', K .. 'tp') or 0)
local function leave(key, members) in_parts(members, function(...) call('ZREM', K .. key, ...) end) end
local function out_of_feed(member) pruned = math.max(pruned, tonumber(call('ZSCORE', K .. 'tf', member) or 0)) return member end
local function forget(trace)
    local feed, runs, logs, sent = {}, {}, {}, {}
    for _, span in ipairs(call('HKEYS', K .. 'ts:' .. trace)) do
        feed[#feed + 1] = out_of_feed(span_member(trace, span))
        runs[#runs + 1] = trace .. span
    end
    for _, number in ipairs(call('HKEYS', K .. 'te:' .. trace)) do
        feed[#feed + 1] = out_of_feed(event_member(trace, number))
        logs[#logs + 1] = placed(tonumber(number), trace)
    end
    local topics = call('HGETALL', K .. 'tt:' .. trace)
    for at = 1, #topics, 2 do sent[#sent + 1] = placed(tonumber(topics[at]), topics[at + 1]) end
    leave('tf', feed)
    leave('tr', runs)
    leave('tl', logs)
    leave('tq', sent)
    call('DEL', K .. 'ts:' .. trace, K .. 'tb:' .. trace, K .. 'te:' .. trace, K .. 'tt:' .. trace)
    call('ZREM', K .. 'tz', trace)
    room = room - #feed
end
local count = 0
local function forget_all(traces)
    for _, trace in ipairs(traces) do
        if room <= 0 then return end
        forget(trace)
        count = count + 1
    end
end
forget_all(call('ZRANGE', K .. 'tz', '-inf', '(' .. before, 'BYSCORE', 'LIMIT', 0, limit))
local beyond = math.min(limit - count, call('ZCARD', K .. 'tz') - keep)
if beyond > 0 then forget_all(call('ZRANGE', K .. 'tz', 0, beyond - 1)) end
if count > 0 then call('SET', K .. 'tp', string.format('%.0f', pruned)) end
return {count, room > 0 and 1 or 0}
