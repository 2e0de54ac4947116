"""The explicit pairs: a class with SciPy's interface for each, the border of its stability, and its source.

One more pair is one more class and one more line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scipy.integrate import DOP853, RK23, RK45

from fsci.kernels.integrate.tsitouras import Tsit5
from fsci.kernels.integrate.verner import Vern7

__all__ = ["OWN", "PAIRS", "Pair"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair.

    Attributes
    ----------
    solver : type
        Subclass of SciPy's RungeKutta, with the coefficients.
    border : float
        Of the region of stability on the negative real axis, or a little less; a solve whose steps lie beyond it is
        bound by stability (Hairer and Wanner, 1996, section IV.2).
    source : str
    """

    solver: Any
    border: float
    source: str


PAIRS: dict[str, Pair] = {
    "RK23": Pair(RK23, 2.5, "Bogacki and Shampine (1989)"),
    "RK45": Pair(
        RK45, 3.25, "Dormand and Prince (1980); step control of Hairer, Norsett and Wanner (1993), section II.4"
    ),
    "DOP853": Pair(DOP853, 6.1, "Dormand and Prince; Hairer, Norsett and Wanner (1993), section II.5"),
    "Tsit5": Pair(Tsit5, 3.45, "Tsitouras (2011)"),
    "Vern7": Pair(Vern7, 4.6, "Verner (2010)"),
}

# Those that SciPy does not have: its driver takes their classes.
OWN: dict[str, Any] = {name: PAIRS[name].solver for name in ("Tsit5", "Vern7")}
