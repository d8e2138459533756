"""Stores: what ``ctx.state`` keeps. Groups of keys with JSON values, a lifetime, and atomic updates."""
