-- uses: common, state, pages

local group = ARGV[6]
return page_of(K .. 'go:' .. group, K .. 'g:' .. group, function(key) return is_live(group, key) end)
