"""Dense linear algebra written once for every array library: the shelves of devices register it."""
