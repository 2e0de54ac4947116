"""Warnings of dense linear algebra, beside SciPy's own."""

from __future__ import annotations

from numpy.linalg import LinAlgError
from scipy.linalg import LinAlgWarning

from fsci.core.types import Diagnosis

__all__ = ["LinAlgError", "LinAlgWarning", "UncertifiedWarning"]


class UncertifiedWarning(LinAlgWarning):
    """The best answer found does not meet the accuracy of the policy; see ``.diagnosis``."""

    def __init__(self, message: str, diagnosis: Diagnosis | None = None) -> None:
        super().__init__(message)
        self.diagnosis = diagnosis
