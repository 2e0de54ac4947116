"""SciPy's ``linalg.interpolative``, passed on as it is: importing this module gives SciPy's own."""

import sys

import scipy.linalg.interpolative

sys.modules[__name__] = scipy.linalg.interpolative
