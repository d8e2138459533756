-- uses: common, traces

-- The head, up to where it was pruned, and what came after a number: kind, trace, id, row and body.
local head, pruned = tonumber(call('GET', K .. 'tn') or 0), tonumber(call('GET', K .. 'tp') or 0)
local found = {}
local after = tonumber(ARGV[1])
if after >= pruned and after <= head then
    for _, member in ipairs(call('ZRANGE', K .. 'tf', '(' .. ARGV[1], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[2])) do
        local kind, trace, id = string.sub(member, 1, 1), string.sub(member, 2, 33), string.sub(member, 34)
        if kind == 's' then
            found[#found + 1] = {kind, trace, id, call('HGET', K .. 'ts:' .. trace, id), call('HGET', K .. 'tb:' .. trace, id) or ''}
        else
            found[#found + 1] = {kind, trace, id, call('HGET', K .. 'te:' .. trace, id), ''}
        end
    end
end
return {head, pruned, found}
