-- uses: common, publishing

return publish(1)
