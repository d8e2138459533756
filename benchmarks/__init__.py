"""Benchmarks. Every figure is a ratio measured in one run on one machine; absolute ones are of that machine."""
