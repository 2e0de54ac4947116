"""Host shelf: LAPACK and Numba."""
