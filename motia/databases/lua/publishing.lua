-- uses: ready, forms

local NONE, AT_ONCE = {}, {delay = 0}

-- `spec` is empty for a subscription that takes everything at once and in any order.
local function deliver(message, sub, spec, options)
    local wanted = spec ~= '' and cjson.decode(spec) or AT_ONCE
    if wanted.scope_group and wanted.scope_group ~= options.scope_group then return end
    if wanted.scope_key and wanted.scope_key ~= options.scope_key then return end
    local id = message[1] .. ':' .. sub
    local key = K .. 'b:' .. id
    if call('EXISTS', key) == 1 then return end
    local due = options.at or (now + (options.delay or 0) + wanted.delay)
    local group = wanted.fifo and (options.group or '') or false
    local priority = options.priority or 0
    local entry = false
    if not group or first_of_group(id, sub, group) then
        if due > now then schedule(id, due) else entry = make_ready(id, sub, priority, false) end
    end
    due = due == now and moment or stamp(due)
    call('SET', key, write_body(message[1], message[2], message[3], message[4], moment, priority, due, group, entry))
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
