"""The steps of the shop, one file per stage."""
