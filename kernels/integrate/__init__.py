"""Kernels of the integrate domain, by shelf."""
