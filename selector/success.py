"""Posterior of "this kernel passes its certificate", by evidence class.

Beta posteriors, fitted offline on the calibration half of the catalogue and
shipped as data. The record over all classes starts from Beta(1, 1) (Laplace's rule of
succession), and is itself the prior of each class, worth `PRIOR_STRENGTH` trials.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsci.core.policy import Policy
from fsci.core.profile import cache_folder, read_table

__all__ = ["goal_of", "load_success", "reset", "spread", "success", "version"]

# Trials that the record over all classes is worth: those of the uniform prior.
PRIOR_STRENGTH = 2.0

_SHIPPED = Path(__file__).parent / "data" / "success.json"


@lru_cache(maxsize=1)
def load_success() -> dict[str, Any]:
    """The success table in force: the user's, else the shipped one."""
    own = cache_folder() / "success.json"
    return read_table(own if own.is_file() else _SHIPPED)


def reset() -> None:
    """Read the table again at the next use."""
    load_success.cache_clear()


def version() -> str:
    """Version of the success table in force."""
    return str(load_success()["version"])


def goal_of(policy: Policy) -> str:
    """What must pass: ``backward``, or the accuracy whose forward bound must hold."""
    if not policy.wants_forward:
        return "backward"
    return policy.accuracy if isinstance(policy.accuracy, str) else "full"


def success(key: str, goal: str, evidence_class: str) -> float:
    """Posterior mean of the probability that kernel `key` passes.

    Parameters
    ----------
    key : str
        ``kind/shelf/name``.
    goal : str
        As `goal_of` gives it.
    evidence_class : str
        As the kind's classifier gives it. The prior of a class is centred on the record over all
        classes (``"*"``), so that a class seen once or twice is not judged by that alone.
    """
    by_class = load_success()["kernels"].get(key, {}).get(goal, {})
    passed, failed = by_class.get("*", (0, 0))
    overall = (passed + 1.0) / (passed + failed + 2.0)
    passed, failed = by_class.get(evidence_class, (0, 0))
    return float((passed + PRIOR_STRENGTH * overall) / (passed + failed + PRIOR_STRENGTH))


def spread(key: str, goal: str, evidence_class: str) -> float:
    """Posterior standard deviation of the same probability."""
    mean = success(key, goal, evidence_class)
    counts = load_success()["kernels"].get(key, {}).get(goal, {}).get(evidence_class, (0, 0))
    return math.sqrt(mean * (1.0 - mean) / (sum(counts) + PRIOR_STRENGTH + 1.0))
