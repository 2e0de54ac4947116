"""One diagnosis of a complex integral, from those of its real and imaginary part."""

from __future__ import annotations

from math import inf

import numpy as np

from fsci.core.frames import FRAME
from fsci.core.types import Certificate, Diagnosis, digits_of

__all__ = ["both_parts"]

_UNIT = 2.0**-53


def both_parts(parts: list[Diagnosis], value: complex, wrong: bool) -> Diagnosis:
    """One diagnosis of a complex integral from those of its parts."""
    certificates = [p.certificate for p in parts]
    bounds = [c.detail.get("error_bound", inf) for c in certificates]
    bound, size = float(np.hypot(*bounds)), abs(value)
    forward = bound / (size - bound) if bound < size and not wrong else inf
    policy = FRAME.get().policy
    backward = inf if wrong else max(float(c.backward_error) for c in certificates)
    certificate = Certificate(
        verdict=policy.verdict(forward, "estimated", _UNIT),
        backward_error=backward,
        condition=max(float(c.condition) for c in certificates),
        forward_error=forward,
        digits=int(digits_of(forward)),
        algorithm=certificates[0].algorithm,
        detail={"real": certificates[0].to_dict(), "imag": certificates[1].to_dict(), "error_bound": bound},
    )
    notes = ("SciPy gives a complex integral from b down to a the sign of that from a to b",) if wrong else ()
    return Diagnosis(
        "integrate.quad",
        problem=parts[0].problem,
        attempts=tuple(a for p in parts for a in p.attempts),
        certificates=tuple(certificates),
        certificate=certificate,
        value=value,
        seconds=sum(p.seconds for p in parts),
        notes=notes,
    )
