"""Errors and warnings of fsci.

Everything subclasses what a SciPy user already catches::

    FsciError
    ├── PolicyError(ValueError)            an unknown key or value in a policy
    ├── RegistryError(RuntimeError)        two kernels of one name, no kernel at all
    ├── BackendError(TypeError)            arrays of mixed devices, an array type nobody handles
    ├── MissingExtraError(ImportError)     an optional package is not installed
    ├── LedgerError(ValueError)            a ledger file whose hash chain is broken
    ├── ProfileError(ValueError)           a machine profile that cannot be read
    ├── UncertifiedError(LinAlgError)      hardened mode refuses an answer; has ``.diagnosis``
    └── SingularMatrixError(LinAlgError)   the matrix has no inverse; has ``.diagnosis``

    UncertifiedWarning(LinAlgWarning)      in ``fsci.linalg.errors``, beside SciPy's warning

The twins of other domains live in ``fsci.<domain>.errors``: this floor
imports no SciPy submodule, so that ``import fsci`` stays cheap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from numpy.linalg import LinAlgError

if TYPE_CHECKING:
    from fsci.core.types import Diagnosis

__all__ = [
    "BackendError",
    "FsciError",
    "LedgerError",
    "MissingExtraError",
    "PolicyError",
    "ProfileError",
    "RegistryError",
    "SingularMatrixError",
    "UncertifiedError",
]


class FsciError(Exception):
    """Base of every error that fsci itself raises."""


class PolicyError(FsciError, ValueError):
    """A policy holds an unknown key or a value that it cannot mean."""


class RegistryError(FsciError, RuntimeError):
    """The registry holds two kernels of one name, or none that can serve."""


class BackendError(FsciError, TypeError):
    """The arrays of one call live on different devices, or on an unknown one."""


class MissingExtraError(FsciError, ImportError):
    """A call needs an optional package; the message names the extra to install."""


class LedgerError(FsciError, ValueError):
    """A ledger file is damaged; the message names the first bad entry."""


class ProfileError(FsciError, ValueError):
    """A machine profile or success table cannot be read."""


class _DiagnosedError(FsciError, LinAlgError):
    def __init__(self, message: str, diagnosis: Diagnosis | None = None) -> None:
        super().__init__(message)
        self.diagnosis = diagnosis


class UncertifiedError(_DiagnosedError):
    """The policy asks for a certified answer, and no kernel could give one."""


class SingularMatrixError(_DiagnosedError):
    """The matrix is singular; ``.diagnosis`` holds the evidence."""
