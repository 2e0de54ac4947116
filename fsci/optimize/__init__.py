"""SciPy's optimize, on the spine: scalar root finding; the rest is handed to SciPy, openly."""
