"""Streams: named, grouped items with a log of their changes, and the tail that tells subscribers of them."""
