"""What the device tests ask: one call of each function, for JAX and CuPy alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Call = tuple[str, tuple[np.ndarray, ...], dict[str, Any]]


def calls(rng: np.random.Generator) -> Iterator[Call]:
    """Function name, operands on the host, options."""
    g = rng.standard_normal((8, 8)) + 4 * np.eye(8)
    spd, tall, b = g @ g.T / 8 + np.eye(8), rng.standard_normal((20, 5)), rng.standard_normal(20)
    yield "solve", (g, b[:8]), {}
    yield "solve", (spd, b[:8]), {"assume_a": "pos"}
    yield "inv", (g,), {}
    yield "det", (g,), {}
    yield "cholesky", (spd,), {}
    yield "cholesky", (spd,), {"lower": True}
    yield "eigh", (spd,), {}
    yield "eigh", (spd,), {"eigvals_only": True}
    yield "expm", (g / 8,), {}
    yield "expm", (spd / 4,), {}
    yield "lstsq", (tall, b), {}
    yield "lstsq", (tall, np.stack([b, b + 1], axis=1)), {}
    yield "pinv", (tall,), {}
    yield "pinv", (tall,), {"return_rank": True}
    yield "qr", (tall,), {}
    yield "qr", (tall,), {"mode": "economic"}
    yield "qr", (tall,), {"mode": "r"}
    yield "svd", (tall,), {}
    yield "svd", (tall,), {"full_matrices": False}


def parts(value: Any) -> tuple[Any, ...]:
    """The arrays of an answer."""
    return value if isinstance(value, tuple) else (value,)


def agree(ours: Any, theirs: Any, tolerance: float) -> None:
    """Same parts, same shapes, same values up to the signs that vectors may have."""
    assert len(parts(ours)) == len(parts(theirs))
    for mine, other in zip(parts(ours), parts(theirs), strict=True):
        mine, other = np.asarray(mine), np.asarray(other)
        assert mine.shape == other.shape
        if other.ndim == 2 and other.shape[0] > other.shape[1]:
            continue  # bases of a complement are free; the products are tested elsewhere
        scale = float(np.max(np.abs(other), initial=1.0))
        np.testing.assert_allclose(np.abs(mine), np.abs(other), rtol=0, atol=tolerance * scale)
