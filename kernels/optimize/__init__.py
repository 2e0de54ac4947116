"""Kernels of the optimize domain, by shelf."""
