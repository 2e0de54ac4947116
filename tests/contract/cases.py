"""What each kind of problem is asked in the contract tests: a public function, arguments, and how answers compare.

A kind that is declared without a case here fails the suite; a kernel that
none of the variants of its kind reaches fails it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rng = np.random.Generator
Variant = tuple[str, tuple[Any, ...], dict[str, Any]]

DTYPES = ("float64", "float32", "complex128", "complex64")


def draw(rng: Rng, shape: tuple[int, ...], dtype: str) -> Array:
    """Normal deviates of `dtype`."""
    x = rng.standard_normal(shape)
    if dtype.startswith("complex"):
        x = x + 1j * rng.standard_normal(shape)
    return x.astype(dtype)


def structured(rng: Rng, n: int, dtype: str) -> Iterator[tuple[str, Array]]:
    """Square matrices of every structure that a probe tells apart; all well conditioned."""
    shift = 2 * np.sqrt(n)
    g = draw(rng, (n, n), dtype)
    eye = np.eye(n, dtype=dtype)
    general = g + shift * eye
    h = g + g.conj().T
    yield "general", general
    yield "spd", (g @ g.conj().T / n + eye).astype(dtype)
    yield "hermitian", (h + np.diag(np.where(np.arange(n) % 2, 4.0, -4.0) * np.sqrt(n))).astype(dtype)
    yield "symmetric", (g + g.T + 2 * shift * eye).astype(dtype)
    yield "diagonal", np.diag(np.diag(general))
    yield "tridiagonal", np.triu(np.tril(general, 1), -1)
    yield "banded", np.triu(np.tril(general, 2), -1)
    yield "upper", np.triu(general)
    yield "lower", np.tril(general)
    yield "permuted_triangular", np.triu(general)[rng.permutation(n)]
    yield "hessenberg", np.triu(general, -1)
    blocks = np.zeros((n, n), dtype)
    half = n // 2
    blocks[:half, :half], blocks[half:, half:] = general[:half, :half], general[half:, half:]
    yield "block_diagonal", blocks


@dataclass(frozen=True)
class Case:
    """One kind of problem.

    Attributes
    ----------
    name : str
        ``"linalg.solve"``: module and public function.
    variants : callable
        ``variants(rng, dtype)`` gives (label, args, kwargs).
    same : callable
        ``same(ours, theirs, args, rtol)`` asserts that two answers agree.
    """

    name: str
    variants: Callable[[Rng, str], Iterator[Variant]]
    same: Callable[[Any, Any, tuple[Any, ...], float], None]
    dtypes: tuple[str, ...] = DTYPES
    policy: dict[str, Any] = field(default_factory=dict)

    def ours(self) -> Any:
        """fsci's function."""
        module, _, name = self.name.rpartition(".")
        return getattr(import_module(f"fsci.{module}"), name)

    def theirs(self) -> Any:
        """SciPy's function."""
        module, _, name = self.name.rpartition(".")
        return getattr(import_module(f"scipy.{module}"), name)


def close(ours: Any, theirs: Any, rtol: float) -> None:
    """Same shape, same dtype, same values to `rtol` of the largest."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if theirs.size:
        scale = float(np.max(np.abs(theirs)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=rtol * max(scale, 1e-300))


def same_values(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """Arrays, scalars, or tuples of them."""
    if isinstance(theirs, (tuple, list)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            if other is None:
                assert mine is None
            else:
                close(mine, other, rtol)
        return
    close(ours, theirs, rtol)


def same_spectral(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """Eigenvalues, and vectors up to phase (by their projections)."""
    if not isinstance(theirs, (tuple, list)):
        theirs, ours = np.sort_complex(theirs), np.sort_complex(ours)
        close(ours, theirs, rtol)
        return
    w, v = ours
    args = tuple(np.asarray(a).astype(v.dtype) if isinstance(a, np.ndarray) else a for a in args)
    assert w.dtype == theirs[0].dtype
    assert v.dtype == theirs[1].dtype
    close(np.sort_complex(w), np.sort_complex(theirs[0]), rtol)
    if len(args) > 1:  # generalized: a v = b v w
        b = args[1].astype(v.dtype)
        np.testing.assert_allclose(args[0] @ v, b @ (v * w), rtol=0, atol=rtol * 100 * a_norm(args))
        return
    a = args[0]
    scale = np.linalg.norm(a, 2, axis=(-2, -1)) + 1e-300
    atol = rtol * float(np.max(scale)) * a.shape[-1]
    np.testing.assert_allclose(a @ v, v * w[..., None, :], rtol=0, atol=atol)
    np.testing.assert_allclose(np.linalg.norm(v, axis=-2), 1, rtol=rtol)


def a_norm(args: tuple[Any, ...]) -> float:
    """Frobenius norms of the operands together."""
    return float(sum(np.linalg.norm(a) for a in args))


def same_svd(ours: Any, theirs: Any, args: tuple[Any, ...], rtol: float) -> None:
    """Singular values, and the product of the factors."""
    if not isinstance(theirs, tuple):
        close(ours, theirs, rtol)
        return
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.shape == other.shape
        assert mine.dtype == other.dtype
    u, s, vh = ours
    close(s, theirs[1], rtol)
    k = s.size
    close((u[:, :k] * s) @ vh[:k], np.asarray(args[0]).astype(u.dtype), rtol)
    np.testing.assert_allclose(u.conj().T @ u, np.eye(u.shape[1]), atol=rtol * 10)
