"""Whether stability, not accuracy, holds the steps of an interpreted explicit pair: seen in its own stages.

The last two points of a step lie at one abscissa: the slopes there differ by the Jacobian times their distance (Hairer
and Wanner, 1996, section IV.2). Compiled loops do the same. Importing this imports no Numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fsci.kernels.integrate.pairs import PAIRS

__all__ = ["StiffSteps"]

# Every fourth step is looked at, and so many of them in a row must lie beyond the border.
_SAMPLE, _SAMPLES = 4, 4


class StiffSteps:
    """Follows a solver of one of SciPy's explicit pairs.

    Parameters
    ----------
    method : str
    """

    def __init__(self, method: str) -> None:
        self._border = PAIRS[method].border
        self._steps = self._beyond = 0

    def seen(self, solver: Any) -> bool:
        """Whether the steps before this one were bound by stability; called before every step."""
        self._steps += 1
        if self._steps % _SAMPLE or solver.h_previous is None:
            return False
        K, h, stages = solver.K, solver.h_previous, solver.n_stages
        before = solver.y_old + h * (K[: stages - 1].T @ solver.A[stages - 1, : stages - 1])
        scale = solver.atol + solver.rtol * np.maximum(np.abs(solver.y_old), np.abs(solver.y))
        apart = float(np.linalg.norm((solver.y - before) / scale))
        rate = float(np.linalg.norm((K[stages] - K[stages - 1]) / scale)) / apart if apart > 0.0 else 0.0
        self._beyond = self._beyond + 1 if rate * abs(h) > self._border else 0
        return self._beyond >= _SAMPLES
