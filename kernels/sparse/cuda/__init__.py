"""CUDA shelf: sparse matrices of CuPy."""
