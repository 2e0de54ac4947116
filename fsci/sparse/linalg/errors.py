"""Warnings of sparse linear algebra, beside SciPy's own."""

from __future__ import annotations

from scipy.sparse.linalg import MatrixRankWarning

from fsci.core.types import Diagnosis

__all__ = ["MatrixRankWarning", "UncertifiedWarning"]


class UncertifiedWarning(MatrixRankWarning):
    """The best answer found does not meet the accuracy of the policy; see ``.diagnosis``."""

    def __init__(self, message: str, diagnosis: Diagnosis | None = None) -> None:
        super().__init__(message)
        self.diagnosis = diagnosis
