-- uses: common

call('SET', K .. 'health', '1', 'PX', 1000)
