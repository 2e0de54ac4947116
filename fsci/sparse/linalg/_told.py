"""What hardened mode says of an answer whose certificate does not meet the policy."""

from __future__ import annotations

import warnings

from fsci.core.frames import FRAME
from fsci.core.types import Diagnosis
from fsci.sparse.linalg.errors import UncertifiedWarning

__all__ = ["warn_uncertified"]


def warn_uncertified(diagnosis: Diagnosis, what: str, stacklevel: int = 3) -> None:
    """Warn where the policy asks for a forward bound and the certificate has none that meets it."""
    policy = FRAME.get().policy
    if policy.wants_forward and diagnosis.certificate.worst_verdict != "certified":
        text = f"{what} (accuracy {policy.accuracy!r}): {diagnosis.certificate.title()}"
        warnings.warn(UncertifiedWarning(text, diagnosis), stacklevel=stacklevel)
