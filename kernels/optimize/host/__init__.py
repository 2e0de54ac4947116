"""Host shelf: compiled and interpreted iterations."""
