local function is_of(sub, step)
    if step == cjson.null or sub == step or string.sub(sub, 1, #step + 1) == step .. '#' then return true end
    local packed = call('HGET', K .. 'subs', sub)
    return packed and cjson.decode(packed).step == step
end
local function chosen_dead(ids, step, limit)
    local found, wanted = {}, nil
    if ids ~= cjson.null then
        wanted = {}
        for _, id in ipairs(ids) do wanted[id] = true end
    end
    for _, id in ipairs(call('ZREVRANGE', K .. 'dead', 0, -1)) do
        if #found >= limit then break end
        if (not wanted or wanted[id]) and is_of(sub_of(id), step) then found[#found + 1] = id end
    end
    return found
end
local query = cjson.decode(ARGV[1])
local ids = chosen_dead(query.ids, query.step, query.limit)
