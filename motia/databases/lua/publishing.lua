-- uses: common, ready, forms

local NONE, AT_ONCE = {}, {delay = 0}

-- Most deliveries are ready at once: the server has looked at its clock when it has numbered the entry.
local function deliver_at_once(message, sub, id, key)
    local entry = make_ready(id, sub, 0, false)
    local dash = string.find(entry, '-', 1, true)
    local moment = string.sub(entry, 1, dash - 4) .. '.' .. string.sub(entry, dash - 3, dash - 1)
    local body = write_body(message[1], message[2], message[3], message[4], moment, 0, moment, false, entry)
    if not call('SET', key, body, 'NX') then call('XDEL', stream_key(sub, 0), entry) end
end

local function deliver_in_its_turn(message, sub, id, key, delay, group, options)
    if call('EXISTS', key) == 1 then return end
    local clock, priority, entry = call('TIME'), options.priority or 0, false
    local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
    local due = options.at or (now + (options.delay or 0) + delay)
    if not group or first_of_group(id, sub, group) then
        if due > now then schedule(id, due) else entry = make_ready(id, sub, priority, false) end
    end
    call('SET', key, write_body(
        message[1], message[2], message[3], message[4], stamp(now), priority, stamp(due), group, entry))
end

-- `spec` is empty for a subscription that takes everything at once and in any order.
local function deliver(message, sub, spec, options)
    local wanted = spec ~= '' and cjson.decode(spec) or AT_ONCE
    if wanted.scope_group and wanted.scope_group ~= options.scope_group then return end
    if wanted.scope_key and wanted.scope_key ~= options.scope_key then return end
    local id = message[1] .. ':' .. sub
    local key = K .. 'b:' .. id
    if wanted.fifo or wanted.delay > 0 or options.at or options.delay or options.priority then
        local group = wanted.fifo and (options.group or '') or false
        return deliver_in_its_turn(message, sub, id, key, wanted.delay, group, options)
    end
    return deliver_at_once(message, sub, id, key)
end

-- ARGV from `from`: id, topic, payload, traceparent and options, for each message.
local function publish(from)
    local first, topics = {}, {}
    for at = from, #ARGV, 5 do
        local topic = ARGV[at + 1]
        local options = ARGV[at + 4] == '' and NONE or cjson.decode(ARGV[at + 4])
        local message = {ARGV[at], topic, ARGV[at + 2], ARGV[at + 3]}
        local seen = false
        if options.relayed
            and not call('SET', K .. 'relayed:' .. message[1], '1', 'NX', 'PX', options.relayed * 1000) then
            seen = message[1]
        elseif options.key then
            local name = K .. 'key:' .. topic .. ':' .. options.key
            if not call('SET', name, message[1], 'NX', 'PX', math.max(1, math.floor(options.window * 1000))) then
                seen = call('GET', name)
            end
        end
        first[#first + 1] = seen or message[1]
        if not seen then
            local subs = topics[topic]
            if not subs then
                subs = call('HGETALL', K .. 'topic:' .. topic)
                topics[topic] = subs
            end
            for sub = 1, #subs, 2 do deliver(message, subs[sub], subs[sub + 1], options) end
        end
    end
    return first
end
