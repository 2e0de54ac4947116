"""Kernels of the linalg domain, by shelf."""
