"""``fsci warmup``: compile every kernel ahead, then call every function once for each dtype."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from time import perf_counter
from typing import Any

import numpy as np

from fsci.cli.tables import duration, progress, table

__all__ = ["EXAMPLES", "add_arguments", "calls", "run"]

_DTYPES = ("float64", "float32", "complex128", "complex64")
# Orders on both sides of where fused kernels end and LAPACK begins.
_ORDERS = (3, 40)

Example = Callable[[Any, Any], tuple[Any, ...]]


def _spd(a: Any) -> Any:
    return a @ a.conj().T + len(a) * np.eye(len(a), dtype=a.dtype)


# Function -> arguments made of a random square matrix and a vector.
EXAMPLES: dict[str, Example] = {
    "solve": lambda a, b: (a, b),
    "inv": lambda a, b: (a,),
    "det": lambda a, b: (a,),
    "lstsq": lambda a, b: (np.vstack([a, a[::-1]]), np.concatenate([b, b])),
    "pinv": lambda a, b: (a,),
    "solve_triangular": lambda a, b: (np.triu(a), b),
    "solve_banded": lambda a, b: ((1, 1), a[:3], b),
    "solveh_banded": lambda a, b: (np.vstack([0.1 * abs(b), 2 + abs(b)]).astype(b.dtype), b),
    "solve_toeplitz": lambda a, b: (b + len(b) * np.eye(1, len(b), dtype=b.dtype)[0], b),
    "lu_factor": lambda a, b: (a,),
    "lu_solve": lambda a, b: ((a + 9 * np.eye(len(a), dtype=a.dtype), np.arange(len(a))), b),
    "cho_factor": lambda a, b: (_spd(a),),
    "cho_solve": lambda a, b: ((a + 9 * np.eye(len(a), dtype=a.dtype), True), b),
    "cholesky": lambda a, b: (_spd(a),),
    "qr": lambda a, b: (a,),
    "eigh": lambda a, b: (_spd(a),),
    "eigvalsh": lambda a, b: (_spd(a),),
    "eig": lambda a, b: (a,),
    "eigvals": lambda a, b: (a,),
    "svd": lambda a, b: (a,),
    "svdvals": lambda a, b: (a,),
    "expm": lambda a, b: (0.1 * a,),
}
# Matrices whose structure asks for other kernels of `solve`.
_STRUCTURES: tuple[Example, ...] = (
    lambda a, b: (_spd(a), b),
    lambda a, b: (np.triu(a), b),
    lambda a, b: (np.triu(np.tril(a, 1), -1), b),
    lambda a, b: (np.diag(b), b),
    lambda a, b: (np.stack([a] * 4), np.stack([b] * 4)[..., None]),
    lambda a, b: (a, np.stack([b, b], axis=1)),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command: none of its own."""


def calls() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Name and thunk of one call for each function, order and dtype, and for each mode of `solve`."""
    import fsci

    rng = np.random.default_rng(0)
    for n in _ORDERS:
        for dtype in _DTYPES:
            a = rng.standard_normal((n, n)).astype(dtype)
            b = rng.standard_normal(n).astype(dtype)
            for name in fsci.linalg.__fsci_own__:
                if name in EXAMPLES:
                    yield f"linalg.{name} {dtype}", _thunk(getattr(fsci.linalg, name), EXAMPLES[name](a, b), "strict")
            for make in _STRUCTURES:
                yield f"linalg.solve {dtype}", _thunk(fsci.linalg.solve, make(a, b), "strict")
            yield f"linalg.solve {dtype}", _thunk(fsci.linalg.solve, (a, b), "hardened")
    for name in ("bisect", "brenth", "brentq", "ridder"):
        if name in fsci.optimize.__fsci_own__:
            yield f"optimize.{name}", _thunk(getattr(fsci.optimize, name), (lambda x: x * x - 2.0, 0.0, 2.0), "strict")


def _thunk(function: Callable[..., Any], arguments: tuple[Any, ...], mode: str) -> Callable[[], Any]:
    import fsci

    def call() -> None:
        with fsci.policy(mode=mode, accuracy="full" if mode == "hardened" else "standard"):
            function(*arguments)
        function(*arguments)  # and once more without a trace of the policy: the way through the plan cache

    return call


def _load_loops() -> None:
    """Import what kernels import only with their first call, so that it is declared."""
    import fsci.kernels

    for module in walk_packages(fsci.kernels.__path__, "fsci.kernels."):
        if not {"cuda", "xla"} & set(module.name.split(".")):
            import_module(module.name)


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Compile, call, report."""
    from fsci.core import registry
    from fsci.kernels import jit

    started = perf_counter()
    registry.load_all()
    _load_loops()
    signatures = sum(len(declared) for _, declared in jit.declared())
    with progress("Compiling", signatures) as step:
        compiled = jit.compile_declared(step)
    compiling = perf_counter() - started
    todo = list(calls())
    with progress("Calling", len(todo)) as step, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, call in todo:
            step(name)
            call()
    report = {
        "signatures": compiled,
        "compiling_seconds": compiling,
        "calls": len(todo),
        "seconds": perf_counter() - started,
    }
    if not options.json:
        rows = [
            ("compiled signatures", str(compiled), duration(compiling)),
            ("first calls", str(len(todo)), duration(report["seconds"] - compiling)),
        ]
        table("fsci warmup", ("", ">count", ">time"), rows)
    return 0, report
