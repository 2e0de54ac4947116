"""Patches SciPy in a pytest process; `python -m fsci -m pytest` names it, so that xdist's workers are patched too."""

from fsci.patch import patch_scipy

patch_scipy()
