"""Integration of JAX arrays, where they live."""
