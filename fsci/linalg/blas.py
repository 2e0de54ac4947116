"""SciPy's ``linalg.blas``, passed on as it is: importing this module gives SciPy's own."""

import sys

import scipy.linalg.blas

sys.modules[__name__] = scipy.linalg.blas
