"""XLA shelf: sparse matrices of JAX, BCOO and BCSR."""
