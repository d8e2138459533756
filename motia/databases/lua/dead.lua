-- uses: common, chosen, forms

local found = {}
for at, id in ipairs(ids) do
    local body = read_body(call('GET', K .. 'b:' .. id))
    local meta = call('HMGET', K .. 'm:' .. id, 'attempt', 'crashes', 'reason', 'error', 'dead_at')
    found[at] = {id, sub_of(id), body[2], meta[1] or '0', meta[2] or '0', meta[3] or '', meta[4] or '', body[3],
                 body[4], meta[5]}
end
return found
