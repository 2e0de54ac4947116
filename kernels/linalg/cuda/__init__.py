"""CUDA shelf: CuPy arrays."""
