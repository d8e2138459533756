-- uses: common, chosen

for _, id in ipairs(ids) do
    call('ZREM', K .. 'dead', id)
    call('UNLINK', K .. 'b:' .. id, K .. 'm:' .. id)
end
return #ids
