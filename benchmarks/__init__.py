"""The benchmarks. `python -m benchmarks` runs all of them and prints their tables."""
