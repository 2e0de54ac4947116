"""Warnings of numerical integration, beside SciPy's own."""

from __future__ import annotations

from scipy.integrate import IntegrationWarning

from fsci.core.types import Diagnosis

__all__ = ["IntegrationWarning", "UncertifiedIntegrationWarning"]


class UncertifiedIntegrationWarning(IntegrationWarning):
    """The best value found does not meet the accuracy of the policy; see ``.diagnosis``."""

    def __init__(self, message: str, diagnosis: Diagnosis | None = None) -> None:
        super().__init__(message)
        self.diagnosis = diagnosis
