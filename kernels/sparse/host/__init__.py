"""Host shelf: Numba, LAPACK and SuperLU."""
