local K = KEYS[1]
local call = redis.call
local PART = 1000 -- what unpack can take at once is limited

local function stamp(value) return string.format('%.6f', value) end
-- Tells those who wait for it of something new: 'queue', 'suspects' or 'streams'; everybody, if it is ''.
local function wake(kind) call('PUBLISH', K .. 'wake', kind) end
local function sub_of(id) return string.sub(id, string.find(id, ':', 1, true) + 1) end

local plain = {}
local function stream_key(sub, priority)
    if tonumber(priority) ~= 0 then return K .. 'p:' .. priority .. ':' .. sub end
    local key = plain[sub]
    if not key then
        key = K .. 'r:' .. sub
        plain[sub] = key
    end
    return key
end

-- Calls `act` with the members of a list, as many at once as may be.
local function in_parts(list, act)
    for from = 1, #list, PART do act(unpack(list, from, math.min(from + PART - 1, #list))) end
end

-- The list of a table of lists, made when it is first asked for.
local function list_of(lists, name)
    local list = lists[name]
    if not list then
        list = {}
        lists[name] = list
    end
    return list
end
