-- uses: common, pages

return page_of(K .. 'io:' .. ARGV[6], K .. 'i:' .. ARGV[6], function() return true end)
