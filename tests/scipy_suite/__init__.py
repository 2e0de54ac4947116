"""SciPy's own tests under the patch: run, compared with the table of expected failures."""
