"""SciPy's ``linalg.lapack``, passed on as it is: importing this module gives SciPy's own."""

import sys

import scipy.linalg.lapack

sys.modules[__name__] = scipy.linalg.lapack
