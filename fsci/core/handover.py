"""Hand-overs: calls that fsci leaves to SciPy, openly, with the reason in trace and ledger."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from time import perf_counter
from typing import Any

from fsci.core.frames import FRAME
from fsci.core.types import Certificate, Diagnosis

__all__ = ["hand_over", "handed_over"]

_DIAGNOSTIC_LENGTH = 200  # hostile input must not be able to flood the ledger


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
    started = perf_counter()
    try:
        value = original(*args, **kwargs)
    except (TypeError, ValueError) as error:  # LinAlgError is a ValueError
        # Malformed input fails closed, with SciPy's own error; the ledger keeps what was refused.
        message = str(error)[:_DIAGNOSTIC_LENGTH]
        frame.ledger.record("incident", function, error=type(error).__name__, message=message)
        raise
    if frame.log is None:
        return value
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
