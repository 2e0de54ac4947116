"""Sparse iterations and substitutions written once for every array library: the shelves of devices register them."""
