"""Benchmarks: what slipway costs, measured beside what it is compared with (`make bench`)."""
