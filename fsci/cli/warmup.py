"""``fsci warmup``: compile every kernel ahead, then call every function once for each dtype."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
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


def _load_kernels() -> None:
    from fsci.core import registry

    registry.load_all()
    _load_loops()


def _compile(module: str) -> int:
    """Compile, or load from the cache, the signatures that `module` declares; gives their number."""
    from fsci.kernels.jit import declared

    count = 0
    for dispatcher, signatures in declared():
        for signature in signatures if dispatcher.py_func.__module__ == module else ():
            dispatcher.compile(signature)
            count += 1
    return count


def _compiled(step: Callable[[str], None], modules: list[str]) -> int:
    """Compile the kernels of `modules`, each in one of as many processes as there are cores; gives their number."""
    from fsci.kernels.threads import thread_count

    # What others call comes first, and in this process: two that compile the same would do it twice.
    shared = [m for m in modules if m.count(".") == 2]
    count = 0
    for module in shared:
        step(module)
        count += _compile(module)
    rest = [m for m in modules if m not in shared]
    if thread_count() == 1:
        for module in rest:
            step(module)
            count += _compile(module)
        return count
    with ProcessPoolExecutor(thread_count(), get_context("spawn"), _load_kernels) as pool:
        waiting = {pool.submit(_compile, module): module for module in rest}
        for done in as_completed(waiting):
            step(waiting[done])
            count += done.result()
    return count


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Compile, call, report."""
    from fsci.kernels.jit import declared

    started = perf_counter()
    _load_kernels()
    modules = list(dict.fromkeys(dispatcher.py_func.__module__ for dispatcher, signatures in declared() if signatures))
    with progress("Compiling", len(modules)) as step:
        compiled = _compiled(step, modules)
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
