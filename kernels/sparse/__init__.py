"""Kernels of the sparse domain, by shelf."""
