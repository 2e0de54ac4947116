"""Hand-overs: calls that fsci leaves to SciPy, openly, with the reason in trace and ledger."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

from fsci.core.frames import FRAME
from fsci.core.types import Certificate, Diagnosis

__all__ = ["hand_over", "handed_over"]


def hand_over(original: Callable[..., Any], function: str, reason: str, /, *args: Any, **kwargs: Any) -> Any:
    """Call SciPy's `original` and record why.

    Parameters
    ----------
    original : callable
        SciPy's own function, as it was before any patch.
    function : str
        Name for the record, ``"linalg.solve"``.
    reason : str
        One sentence: why fsci does not answer this call itself.
    """
    frame = FRAME.get()
    frame.ledger.record("handover", function, reason=reason)
    if frame.log is None:
        return original(*args, **kwargs)
    started = perf_counter()
    value = original(*args, **kwargs)
    frame.log.append(
        Diagnosis(
            function,
            certificate=Certificate(algorithm="scipy"),
            value=value,
            seconds=perf_counter() - started,
            handover=reason,
        )
    )
    return value


def handed_over(original: Callable[..., Any], function: str) -> Callable[..., Any]:
    """SciPy's function, wrapped so that each call of it shows in the trace."""

    @wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return hand_over(original, function, "not implemented by fsci", *args, **kwargs)

    return wrapper
