"""XLA shelf: JAX arrays."""
