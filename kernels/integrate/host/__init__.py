"""Host shelf: Numba, LAPACK and SciPy's compiled loops."""
