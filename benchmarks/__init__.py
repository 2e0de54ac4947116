"""Benchmarks: the problem catalogue, asv suites, side-by-side tables, budgets."""
