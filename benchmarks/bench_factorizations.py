"""asv: inverse, determinant, eigenvalues, singular values, exponential, QR, against SciPy and NumPy."""

from __future__ import annotations

from benchmarks.bench_solve import _Contested

__all__ = ["Factorizations"]


class Factorizations(_Contested):
    """Order 50, 200 and 1000."""

    params = (
        [f"{name} n={n}" for name in ("inv", "det", "eigh", "svd", "expm", "qr") for n in (50, 200, 1000)],
        ["fsci", "scipy", "numpy"],
    )
