"""Tests of the shop: handlers alone, then whole flows."""
