"""Stacks of systems: one problem for the selector, then the slices that it could not vouch for, one by one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg as scipy_linalg

from fsci import selector
from fsci.core.backends import HOST
from fsci.core.errors import SingularMatrixError
from fsci.core.frames import FRAME
from fsci.core.types import Certificate, Diagnosis, Problem
from fsci.linalg._claims import Claim
from fsci.linalg.errors import LinAlgError

__all__ = ["Stack", "claimed", "finish", "stack"]

_scipy_solve = scipy_linalg.solve
Array = np.ndarray[Any, np.dtype[Any]]


class Stack(NamedTuple):
    """Matrices (m, n, n) and right-hand sides (m, n, k), and the shape that the answer goes back to."""

    a: Array
    b: Array
    shape: tuple[int, ...]


def stack(a: Array, b: Array) -> Stack:
    """Broadcast the batch dimensions of both and lay them into one."""
    columns = b[:, None] if b.ndim == 1 else b
    batch = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    n, k = columns.shape[-2:]
    matrices = np.ascontiguousarray(np.broadcast_to(a, (*batch, n, n))).reshape(-1, n, n)
    sides = np.ascontiguousarray(np.broadcast_to(columns, (*batch, n, k))).reshape(-1, n, k)
    return Stack(matrices, sides, (*batch, n) if b.ndim == 1 else (*batch, n, k))


def claimed(a: Array, claim: Claim, assume_a: str | None, lower: bool) -> Array | None:
    """The matrices that SciPy would solve with; None where it must do so itself.

    Raises
    ------
    LinAlgError
        In hardened mode, for an entry that denies the claim.
    """
    if claim.mirror:
        mirrored = a.swapaxes(-1, -2)
        if claim.mirror == "hermitian" and a.dtype.kind == "c":
            mirrored = mirrored.conj()
        unread = np.triu(a, 1) if lower else np.tril(a, -1)
        zero = not unread.any()
        stored = a if not zero else (np.tril(a) + np.triu(mirrored, 1) if lower else np.triu(a) + np.tril(mirrored, -1))
        differs = (a != mirrored) & (not zero)
    elif claim.keep is not None:
        stored = claim.keep(a)
        differs = stored != a
    else:
        return a
    if not differs.any():
        return None if claim.name == "positive definite" and not FRAME.get().policy.hardened else stored
    if FRAME.get().policy.hardened:
        where = tuple(int(i) for i in np.argwhere(differs)[0])
        raise LinAlgError(f"assume_a={assume_a!r} is false: a{list(where)} = {a[where]} contradicts it")
    return None


def finish(diagnosis: Diagnosis, given: Stack) -> Any:
    """The stack of answers; slices without a certificate are solved again, each for itself.

    Strict mode leaves them to SciPy, which raises and warns in its own words; hardened
    mode takes each through the whole portfolio.
    """
    attempt = diagnosis.attempt
    if attempt is None or attempt.value is None:
        return NotImplemented
    x, statuses = attempt.value, attempt.byproducts.get("statuses")
    policy = FRAME.get().policy
    if policy.wants_forward:
        doubtful = np.atleast_1d(np.asarray(diagnosis.certificate.verdict) != "certified")
        if statuses is not None:
            doubtful = doubtful | (statuses != 0)
    else:
        doubtful = np.zeros(x.shape[0], bool) if statuses is None else statuses != 0
    places = np.flatnonzero(doubtful)
    if places.size and not policy.hardened:
        x[places] = _scipy_solve(given.a[places], given.b[places])
    for place in places if policy.hardened else ():
        x[place] = _alone(given, int(place))
    return x.reshape(given.shape)


def _alone(given: Stack, place: int) -> Array:
    """One slice through the portfolio."""
    import warnings

    from fsci.linalg.errors import UncertifiedWarning

    a = given.a[place]
    problem = Problem("linear_system", (a, given.b[place]), {}, HOST, a.dtype, None, a.shape[0])
    diagnosis = selector.run(problem, "linalg.solve")
    attempt, certificate = diagnosis.attempt, diagnosis.certificate
    assert attempt is not None  # noqa: S101  (the loop always leaves one)
    if attempt.value is None:
        raise SingularMatrixError(f"A singular matrix detected: slice(s) [{place}] are singular.", diagnosis)
    if _uncertified(certificate):
        message = f"slice {place} does not meet the accuracy of the policy: {certificate.title()}"
        warnings.warn(UncertifiedWarning(message, diagnosis), stacklevel=5)
    return np.asarray(attempt.value)


def _uncertified(certificate: Certificate) -> bool:
    return certificate.worst_verdict != "certified"
