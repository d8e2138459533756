-- uses: common

-- How a delivery and the record of its run are written. What an earlier version wrote, arrays of nine in MessagePack,
-- is read too: their first byte begins no text.
local EARLIER, UNGROUPED = 0x99, 0x2d
local RUN = '<Bddddddsss'

-- Fields between zero bytes, which none but the last, the payload, may hold: they go to the worker as they are.
local function write_body(id, topic, payload, traceparent, created, priority, due, group, entry)
    return (group and '=' or '-') .. '\0' .. id .. '\0' .. topic .. '\0' .. traceparent .. '\0' .. created .. '\0'
        .. priority .. '\0' .. due .. '\0' .. (group or '') .. '\0' .. (entry or '') .. '\0' .. payload
end

-- The arguments of `write_body` as a list.
local function read_body(text)
    if string.byte(text) == EARLIER then return cmsgpack.unpack(text) end
    local fields, from = {}, 1
    for at = 1, 9 do
        local zero = string.find(text, '\0', from, true)
        fields[at] = string.sub(text, from, zero - 1)
        from = zero + 1
    end
    return {
        fields[2], fields[3], string.sub(text, from), fields[4], fields[5], tonumber(fields[6]), fields[7],
        fields[1] == '=' and fields[8], fields[9] ~= '' and fields[9]}
end

-- `fresh`: nothing was ever noted of it beside what was published.
local function write_run(token, owner, deadline, priority, entry, attempt, crashes, group, lasts, fresh)
    local mark = (fresh and 1 or 0) + (group and 2 or 0)
    return struct.pack(RUN, mark, token, deadline, lasts, priority, attempt, crashes, owner, entry or '', group or '')
end

-- The arguments of `write_run` as a list.
local function read_run(packed)
    if string.byte(packed) == EARLIER then return cmsgpack.unpack(packed) end
    local mark, token, deadline, lasts, priority, attempt, crashes, owner, entry, group = struct.unpack(RUN, packed)
    return {
        token, owner, deadline, priority, entry ~= '' and entry, attempt, crashes, mark > 1 and group, lasts,
        mark % 2 == 1}
end
