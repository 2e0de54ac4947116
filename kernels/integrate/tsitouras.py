"""The explicit pair of order 5(4) with the least principal error among those of six stages (Tsitouras, 2011).

A class like SciPy's own: an interpreted callback is stepped by it, and the compiled loop takes its coefficients.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.integrate._ivp.rk import RungeKutta

__all__ = ["Tsit5"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def _filled(rows: int, columns: int, entries: list[tuple[float, ...]]) -> Array:
    table = np.zeros((rows, columns))
    for row, values in enumerate(entries):
        table[row, : len(values)] = values
    return table


class Tsit5(RungeKutta):
    """Tsitouras' pair, with dense output of order 4 from the stages of the step.

    `P` holds the coefficients of theta, theta**2, ... for each stage (Tsitouras, 2011, section 4).
    """

    order = 5
    error_estimator_order = 4
    n_stages = 6
    C: ClassVar[Array] = np.array([0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0])
    A: ClassVar[Array] = _filled(
        6,
        5,
        [
            (),
            (0.161,),
            (-0.008480655492356989, 0.335480655492357),
            (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
            (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
            (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        ],
    )
    B: ClassVar[Array] = np.array(
        [
            0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774,
        ]
    )  # fmt: skip
    E: ClassVar[Array] = np.array(
        [
            -0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
            0.5823571654525552, -0.45808210592918697, 1.0 / 66.0,
        ]
    )  # fmt: skip
    P: ClassVar[Array] = np.array(
        [
            (1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216),
            (0.0, 0.13169999999999998, -0.2234, 0.1017),
            (0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253),
            (0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902),
            (0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928),
            (0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661),
            (0.0, 1.5, -4.0, 2.5),
        ]
    )
