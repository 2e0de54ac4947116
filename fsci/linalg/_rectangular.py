"""What the functions of rectangular matrices share: evidence classes, batches, reasons of a hand-over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.handover import hand_over
from fsci.core.types import Certificate, Diagnosis, Evidence, Problem

__all__ = ["classify_rectangular", "over_batch", "refusal"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def classify_rectangular(problem: Problem, evidence: Evidence) -> str:
    """Evidence class: shape, and the order of the condition number where it is known."""
    m, n = np.shape(problem.operands[0])[-2:]
    shape = "tall" if m >= 2 * n else "wide" if n >= 2 * m else "square"
    condition = evidence.get("condition", evidence.get("condition_guess"))
    if condition is None:
        return shape
    if not condition < 1e99:
        return f"{shape}/singular"
    return f"{shape}/1e{int(math.log10(max(condition, 1.0)) // 4) * 4}"


def refusal(diagnosis: Diagnosis) -> str:
    """Why the selector has no value, as the reason of a hand-over."""
    attempt = diagnosis.attempt
    if attempt is None or attempt.status == "refused":
        return "entries that are not finite"
    return f"every kernel failed, the last with status {attempt.status!r}"


def over_batch(
    name: str,
    function: Callable[..., Any],
    original: Callable[..., Any],
    operands: tuple[np.ndarray, ...],
    core_dimensions: tuple[int, ...],
    given: tuple[Any, ...],
    options: Mapping[str, Any] = _NOTHING,
) -> Any:
    """`function` over the leading dimensions of its operands, each slice with its own certificate.

    Parameters
    ----------
    operands : tuple of ndarray
        The arrays of the call, promoted; they broadcast in their leading dimensions.
    core_dimensions : tuple of int
        Trailing dimensions of each that belong to one slice.
    given : tuple
        Positional arguments as the caller gave them: the operands, then the others.
    """
    batches = [o.shape[: o.ndim - core] for o, core in zip(operands, core_dimensions, strict=True)]
    try:
        batch = np.broadcast_shapes(*batches)
    except ValueError:
        batch = (0,)
    if math.prod(batch) == 0:
        return hand_over(original, name, "an empty batch, or one that does not broadcast", *given, **options)
    cores = [o.shape[o.ndim - core :] for o, core in zip(operands, core_dimensions, strict=True)]
    spread = [np.broadcast_to(o, batch + core) for o, core in zip(operands, cores, strict=True)]
    others = given[len(operands) :]
    log = FRAME.get().log
    mark = 0 if log is None else len(log)
    results = [function(*(o[index] for o in spread), *others, **options) for index in np.ndindex(batch)]
    if log is not None:
        slices = log[mark:]
        log[mark:] = [_together(name, slices, batch)]
    if not isinstance(results[0], tuple):
        return _stacked(results, batch)
    return tuple(_stacked(column, batch) for column in zip(*results, strict=True))


def _stacked(results: Any, batch: tuple[int, ...]) -> Any:
    stack = np.stack(results)
    return stack.reshape(batch + stack.shape[1:])


def _together(name: str, slices: list[Diagnosis], batch: tuple[int, ...]) -> Diagnosis:
    """One diagnosis of a batch; its certificate holds arrays of the batch's shape."""
    certificates = [d.certificate for d in slices]

    def gathered(field: str) -> np.ndarray:
        return np.array([getattr(c, field) for c in certificates]).reshape(batch)

    fields = ("verdict", "backward_error", "condition", "forward_error", "digits")
    routes = list(dict.fromkeys(c.algorithm for c in certificates))
    certificate = Certificate(**{f: gathered(f) for f in fields}, algorithm=", ".join(routes))  # type: ignore[arg-type]
    return Diagnosis(
        name,
        problem=slices[0].problem,
        evidence=slices[0].evidence,
        decisions=tuple(d for s in slices for d in s.decisions),
        attempts=tuple(a for s in slices for a in s.attempts),
        certificates=tuple(certificates),
        certificate=certificate,
        attempt=slices[-1].attempt,
        seconds=sum(s.seconds for s in slices),
        handover=slices[0].handover if all(s.handover for s in slices) else "",
    )
