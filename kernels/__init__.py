"""Computes: numbers in, numbers out; no policy, no ledger, no SciPy signatures."""
