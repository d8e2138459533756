-- uses: common, traces

-- How many messages were sent in a time, by topic.
local counts, found = {}, {}
for _, member in ipairs(call('ZRANGE', K .. 'tq', ARGV[1], '(' .. ARGV[2], 'BYSCORE')) do
    local topic = string.sub(member, 18)
    counts[topic] = (counts[topic] or 0) + 1
end
for topic, count in pairs(counts) do
    found[#found + 1] = topic
    found[#found + 1] = count
end
return found
