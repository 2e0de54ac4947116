"""asv: sparse direct solves, against SciPy and pypardiso."""

from __future__ import annotations

from typing import Any

from benchmarks.workloads_direct import GENERATED, calls, collection, repeated

__all__ = ["Collection", "Factorized", "Grids"]

_COLLECTION = dict(collection())


class _Contested:
    """A system by name, a contender by name; asv times the call."""

    param_names = ("system", "contender")
    params: Any = ([], [])
    warmup_time = 0.1
    timeout = 300.0

    def setup(self, name: str, contender: str) -> None:
        found = self.calls(name)
        if contender not in found:
            raise NotImplementedError(f"{contender} has no {name}")
        self.call = found[contender]
        self.call()

    def calls(self, name: str) -> Any:
        return calls((GENERATED.get(name) or _COLLECTION[name])())

    def time_call(self, name: str, contender: str) -> None:
        self.call()


class Grids(_Contested):
    """Laplacians, convection-diffusion, elasticity."""

    params = (list(GENERATED), ["fsci", "scipy", "pypardiso"])


class Collection(_Contested):
    """Real matrices, where the collection is present."""

    params = (sorted(_COLLECTION) or ["absent"], ["fsci", "scipy", "pypardiso"])

    def setup(self, name: str, contender: str) -> None:
        if name == "absent":
            raise NotImplementedError("needs the matrix collection: set FSCI_TEST_DATA")
        super().setup(name, contender)


class Factorized(_Contested):
    """One factorization, a hundred right-hand sides."""

    params = (["Laplacian 100^2", "Laplacian 20^3"], ["fsci", "scipy"])

    def calls(self, name: str) -> Any:
        return repeated(GENERATED[name]())
