"""The families of the catalogue: every generator with its tags, its orders and its condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsci.selector import gallery, illposed, random_matrices

__all__ = ["FAMILIES", "Family"]

Generator = Callable[[int, np.random.Generator], Any]


@dataclass(frozen=True, slots=True)
class Family:
    """A generator: ``make(n, rng)`` gives a matrix of order n (n columns, ``aspect * n`` rows).

    Attributes
    ----------
    name : str
        With the variant: ``"randsvd_geometric_1e8"``.
    family : str
        Without it: what the halves are split by.
    smallest, largest : int
        Orders for which the generator means something.
    """

    name: str
    family: str
    tags: frozenset[str]
    make: Generator
    condition: float | None = None
    smallest: int = 2
    largest: int = 4096
    aspect: int = 1

    def sizes(self, wanted: tuple[int, ...]) -> list[int]:
        """The wanted orders that make sense here; the nearest one if none does."""
        fit = [n for n in wanted if self.smallest <= n <= self.largest]
        return fit or [min(max(min(wanted), self.smallest), self.largest)]

    def shape(self, n: int) -> tuple[int, int]:
        """Rows and columns at order n."""
        return self.aspect * n, n


def _one(name: str, make: Generator, tags: str, smallest: int = 2, largest: int = 4096) -> Family:
    return Family(name, name, frozenset(tags.split()), make, None, smallest, largest)


def _gallery(name: str, tags: str, smallest: int = 2, largest: int = 4096) -> Family:
    return _one(name, getattr(gallery, name), tags, smallest, largest)


def _structured(name: str, tags: str, smallest: int = 2) -> Family:
    return _one(name, getattr(random_matrices, name), tags, smallest)


def _ill_posed(name: str) -> Family:
    generator = getattr(illposed, name)
    return _one(name, lambda n, rng: generator(n, rng)[0], "ill_conditioned ill_posed", 8, 400)


def _randsvd(mode: str, condition: float) -> Family:
    tags = {"dense", "general", "ill_conditioned" if condition > 1e7 else "well_conditioned"}
    return Family(
        f"randsvd_{mode}_{condition:.0e}",
        f"randsvd_{mode}",
        frozenset(tags),
        lambda n, rng: random_matrices.randsvd(n, rng, condition, mode),
        None if mode == "random" else condition,
    )


def _spd(mode: str, condition: float) -> Family:
    tags = {"dense", "spd", "symmetric", "ill_conditioned" if condition > 1e7 else "well_conditioned"}
    return Family(
        f"spd_{mode}_{condition:.0e}",
        f"spd_{mode}",
        frozenset(tags),
        lambda n, rng: random_matrices.spd(n, rng, condition, mode),
        condition,
    )


def _tall(mode: str, condition: float, aspect: int) -> Family:
    tags = {"tall", "dense", "ill_conditioned" if condition > 1e7 else "well_conditioned"}
    return Family(
        f"tall{aspect}_{mode}_{condition:.0e}",
        f"tall{aspect}_{mode}",
        frozenset(tags),
        lambda n, rng: random_matrices.randsvd(n, rng, condition, mode, rows=aspect * n),
        None if mode == "random" else condition,
        aspect=aspect,
    )


def _polynomial(n: int, rng: np.random.Generator) -> Any:
    """Columns of a polynomial fit, as in Longley's and Filippelli's regressions."""
    return np.vander(np.linspace(0.0, 1.0, 4 * n), n, increasing=True)


def _deficient(n: int, rng: np.random.Generator) -> Any:
    """Half of the rank, the rest rounding noise."""
    low = rng.standard_normal((4 * n, (n + 1) // 2)) @ rng.standard_normal(((n + 1) // 2, n))
    return np.ascontiguousarray(low)


def _gram(n: int, rng: np.random.Generator) -> Any:
    x = rng.standard_normal((2 * n, n))
    g = x.T @ x
    return (g + g.T) / 2


def _symmetrized(n: int, rng: np.random.Generator) -> Any:
    g = rng.standard_normal((n, n))
    return (g + g.T) / 2


def _noise_rank(n: int, rng: np.random.Generator) -> Any:
    """Columns that repeat each other up to noise far below the data, above rounding."""
    low = rng.standard_normal((4 * n, (n + 1) // 2))
    return np.hstack([low, low[:, : n // 2] + 1e-13 * rng.standard_normal((4 * n, n // 2))])


def _symmetric_band(n: int, rng: np.random.Generator) -> Any:
    half = random_matrices.banded(n, rng, 3, 0)
    return np.ascontiguousarray(half @ half.T)


def _shuffled_lower(n: int, rng: np.random.Generator) -> Any:
    a = random_matrices.triangular(n, rng, lower=True)
    return np.ascontiguousarray(a[rng.permutation(n)][:, rng.permutation(n)])


_CONDITIONS = (1e1, 1e5, 1e9, 1e13)

FAMILIES: tuple[Family, ...] = (
    *(_randsvd(m, c) for m in ("one_large", "one_small", "geometric", "arithmetic", "random") for c in _CONDITIONS),
    *(_spd(m, c) for m in ("geometric", "arithmetic", "one_large") for c in (1e1, 1e6, 1e11)),
    *(_tall(m, c, k) for m in ("geometric", "random") for k in (2, 10) for c in (1e1, 1e4, 1e8, 1e12)),
    Family("polynomial", "polynomial", frozenset(("tall", "ill_conditioned")), _polynomial, None, 3, 20, 4),
    Family("deficient", "deficient", frozenset(("tall", "rank_deficient")), _deficient, None, 4, 400, 4),
    Family("noise_rank", "noise_rank", frozenset(("tall", "rank_deficient")), _noise_rank, None, 4, 400, 4),
    _one("gaussian", lambda n, rng: rng.standard_normal((n, n)), "dense general"),
    _one("uniform", lambda n, rng: rng.uniform(size=(n, n)), "dense general"),
    _one("integers", lambda n, rng: rng.integers(-9, 10, (n, n)).astype(float), "dense general"),
    _one(
        "shifted", lambda n, rng: rng.standard_normal((n, n)) + n * np.eye(n), "scalable dense general well_conditioned"
    ),
    _one("gram", _gram, "scalable dense spd symmetric"),
    _one("goe", _symmetrized, "scalable dense symmetric indefinite"),
    _structured("orthogonal", "dense well_conditioned"),
    _structured("indefinite", "symmetric indefinite"),
    _structured("banded", "scalable banded well_conditioned"),
    _one("pentadiagonal", lambda n, rng: random_matrices.banded(n, rng, 2, 2), "banded", 4),
    _one("band_wide", lambda n, rng: random_matrices.banded(n, rng, n // 8, n // 10), "banded", 40),
    _structured("triangular", "scalable triangular well_conditioned"),
    _one("lower_triangular", lambda n, rng: random_matrices.triangular(n, rng, lower=True), "triangular"),
    _structured("permuted_triangular", "permuted_triangular well_conditioned"),
    _structured("hessenberg", "hessenberg"),
    _structured("block_diagonal", "block_diagonal", 20),
    _one("blocks", lambda n, rng: random_matrices.block_diagonal(n, rng, n // 3), "scalable block_diagonal", 20),
    _one(
        "hessenberg_shifted", lambda n, rng: random_matrices.hessenberg(n, rng) + 2 * np.eye(n), "scalable hessenberg"
    ),
    _one("shuffled_lower", _shuffled_lower, "scalable permuted_triangular well_conditioned"),
    _one("symmetric_band", _symmetric_band, "scalable banded spd symmetric", 8),
    _structured("diagonal_graded", "scalable diagonal badly_scaled graded"),
    _structured("badly_scaled", "badly_scaled"),
    _one(
        "badly_scaled_both",
        lambda n, rng: random_matrices.badly_scaled(n, rng, 5.0, columns=True),
        "badly_scaled",
    ),
    _structured("dominant", "dense well_conditioned"),
    _structured("arrow", "symmetric spd"),
    _gallery("hilb", "spd symmetric ill_conditioned", 3, 14),
    _gallery("invhilb", "spd symmetric ill_conditioned graded", 3, 12),
    _gallery("cauchy", "spd symmetric ill_conditioned", 3, 14),
    _gallery("lotkin", "ill_conditioned", 3, 12),
    _gallery("frank", "hessenberg ill_conditioned nonnormal", 3, 20),
    _gallery("kahan", "triangular ill_conditioned graded", 3, 100),
    _gallery("vand", "ill_conditioned", 3, 30),
    _gallery("gfpp", "growth", 8, 60),
    _gallery("wilson", "spd symmetric", 4, 100),
    _gallery("rosser", "symmetric singular", 8, 100),
    _gallery("chebspec", "nonnormal dense", 4, 400),
    _gallery("moler", "spd symmetric ill_conditioned", 3, 30),
    _gallery("pei", "spd symmetric well_conditioned"),
    _gallery("minij", "spd symmetric"),
    _gallery("lehmer", "spd symmetric"),
    _gallery("kms", "spd symmetric well_conditioned"),
    _gallery("prolate", "spd symmetric ill_conditioned", 3, 30),
    _gallery("parter", "dense well_conditioned"),
    _gallery("fiedler", "symmetric indefinite", 3),
    _gallery("circul", "dense"),
    _gallery("grcar", "banded nonnormal", 4),
    _gallery("clement", "banded", 4, 40),
    _gallery("tridiag", "banded spd symmetric"),
    _gallery("forsythe", "nonnormal ill_conditioned", 3),
    _gallery("neumann", "banded singular", 3),
    _gallery("poisson", "banded spd symmetric", 4),
    _gallery("wathen", "banded spd symmetric", 8, 1000),
    *(_ill_posed(name) for name in illposed.__all__),
)
