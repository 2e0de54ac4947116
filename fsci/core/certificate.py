"""Certificate: what can be vouched for in one answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fsci.core.problem import empty
from fsci.core.render import Rendered, number, plain

__all__ = ["Certificate", "digits_of", "relative_to_truth"]


def digits_of(forward_error: Any) -> Any:
    """Decimal digits that a relative error bound vouches for: ``floor(-log10(bound))``, at least 0."""
    if isinstance(forward_error, float):
        if not forward_error < 1.0:
            return 0
        return 324 if forward_error <= 0.0 else math.floor(-math.log10(forward_error))
    bound = np.clip(np.nan_to_num(np.asarray(forward_error, dtype=float), nan=1.0, posinf=1.0), 1e-324, 1.0)
    with np.errstate(divide="ignore"):
        return np.minimum(np.floor(-np.log10(bound)), 324).astype(int)


def relative_to_truth(bound: Any) -> Any:
    """Bound relative to the true value, from one relative to the computed value.

    ``|x - y| <= eta |y|`` leaves of the true x at least ``(1 - eta) |y|``, so that the error is at most
    ``eta / (1 - eta)`` of it; from eta = 1 on the true value may be zero, and nothing is known.
    """
    if isinstance(bound, float):
        return bound / (1.0 - bound) * _ROUNDED_UP if bound < 1.0 else math.inf
    eta = np.asarray(bound, dtype=float)
    return np.divide(eta, 1.0 - eta, out=np.full(eta.shape, np.inf), where=eta < 1.0) * _ROUNDED_UP


_ROUNDED_UP = 1.0 + 2.0**-50  # the subtraction, the quotient and this product are rounded


@dataclass(frozen=True, slots=True, repr=False)
class Certificate(Rendered):
    """What can be vouched for in one answer.

    Attributes
    ----------
    verdict : str or ndarray of str
        ``"certified"`` (the bound meets the policy's accuracy), ``"uncertified"``
        (examined, and it does not) or ``"unexamined"``.
    backward_error : float or ndarray
        Relative size of the change in the data that makes the answer exact.
    condition : float or ndarray
        How much a relative change in the data can change the answer.
    forward_error : float or ndarray
        Bound on the relative error of the answer, infinity norm.
    digits : int or ndarray
        ``floor(-log10(forward_error))``, 0 when nothing can be vouched for.
    rigor : str
        ``"rigorous"`` (a proof) or ``"estimated"`` (a condition estimator was used).
    algorithm : str
        Kernel that gave the answer.
    detail : mapping
        The kind's own numbers.
    """

    verdict: Any = "unexamined"
    backward_error: Any = math.inf
    condition: Any = math.inf
    forward_error: Any = math.inf
    digits: Any = 0
    rigor: str = "estimated"
    algorithm: str = ""
    detail: Mapping[str, Any] = field(default_factory=empty)

    @property
    def worst_verdict(self) -> str:
        """The verdict that holds for every slice of a batch."""
        if isinstance(self.verdict, str):
            return self.verdict
        present = set(np.asarray(self.verdict).ravel().tolist())
        for verdict in ("unexamined", "uncertified"):
            if verdict in present:
                return verdict
        return "certified"

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain Python values, for JSON."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__ if name != "detail"} | {
            "detail": plain(dict(self.detail))
        }

    def title(self) -> str:
        """Verdict, digits and rigour in one line."""
        return f"Certificate: {number(self.verdict)}, {number(self.digits)} digits ({self.rigor}, by {self.algorithm})"

    def rows(self) -> list[tuple[str, str]]:
        """The numbers, and the kind's own."""
        named = ("backward_error", "condition", "forward_error")
        shown = [(name.replace("_", " "), number(getattr(self, name))) for name in named]
        return [*shown, *((k.replace("_", " "), number(v)) for k, v in self.detail.items())]
