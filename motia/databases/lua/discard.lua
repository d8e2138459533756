-- uses: leaving, chosen

return forget_dead(ids)
