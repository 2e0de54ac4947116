"""``fsci demo``: real systems side by side, SciPy's time and true error, fsci's with its certificate."""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from fsci.cli.demo_cases import Case, cases
from fsci.cli.tables import duration, progress, table
from fsci.core.errors import FsciError
from fsci.core.render import number

__all__ = ["add_arguments", "run"]

# Seconds for the samples of one case, and for one sample: short calls are repeated within it.
_CASE_SECONDS = 1.5
_SAMPLE_SECONDS = 0.005
_SAMPLES = 15

Thunk = Callable[[], Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--quick", action="store_true", help="leave out the large systems")


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Measure and show; the exit code is 1 if a certified bound did not hold."""
    rows = []
    with progress("Solving") as step:
        for case in cases(options.quick):
            step(case.name)
            rows.append(measured(case))
    report = {"cases": rows, "broken_certificates": [r["case"] for r in rows if _broken(r)]}
    if not options.json:
        _show(report)
    return (1 if report["broken_certificates"] else 0), report


def _broken(row: Mapping[str, Any]) -> bool:
    """Whether a certified answer is further from the truth than its bound."""
    error, bound = row["fsci_error"], row["bound"]
    return row["verdict"] == "certified" and error is not None and not error <= bound


def measured(case: Case) -> dict[str, Any]:
    """One row: times, true errors, certificate, route."""
    import fsci

    scipy_call = _thunk(getattr(import_module(f"scipy.{case.module}"), case.function), case)
    fsci_function = getattr(import_module(f"fsci.{case.module}"), case.function)
    row: dict[str, Any] = {"case": case.name, "policy": dict(case.policy)}
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(fsci.policy(**case.policy))
        row["scipy_error"], row["scipy_says"] = _judged(scipy_call, case)
        row["fsci_error"], row["fsci_says"] = _judged(_thunk(fsci_function, case), case)
        row |= _certificate(fsci_function, case)
        warnings.simplefilter("ignore")
        row |= _interleaved({"scipy": scipy_call, "fsci": _thunk(fsci_function, case)}, _CASE_SECONDS)
        # NumPy by itself: its BLAS has threads of its own, which spin on after a call and slow the others.
        if case.function == "solve":
            row |= _interleaved({"numpy": _thunk(np.linalg.solve, case)}, _CASE_SECONDS / 3)
    return row


def _thunk(function: Callable[..., Any], case: Case) -> Thunk:
    def call() -> Any:
        return case.answer(function(*case.arguments, **case.options))

    return call


def _judged(call: Thunk, case: Case) -> tuple[float | None, str]:
    """True relative error, and what the caller was told beside the answer."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            x = call()
        except (np.linalg.LinAlgError, FsciError) as error:
            return None, f"raises {type(error).__name__}"
    says = f"warns {caught[0].category.__name__}" if caught else ""
    if case.truth is None:
        return None, f"{says}, answers all the same".removeprefix(", ")
    axis = tuple(range(1, x.ndim)) if x.ndim == 3 else None
    distance = np.max(np.abs((x - case.truth) - case.truth_rest), axis=axis) / np.max(np.abs(case.truth), axis=axis)
    return float(np.max(distance)), says


def _certificate(function: Callable[..., Any], case: Case) -> dict[str, Any]:
    import fsci

    empty = {"verdict": "refused", "bound": None, "digits": 0, "rigor": "", "route": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            diagnosis = fsci.explain(function, *case.arguments, **case.options)
        except (np.linalg.LinAlgError, FsciError) as error:
            found = getattr(error, "diagnosis", None)
            return empty | {"route": found.route if found is not None else ""}
    certificate = diagnosis.certificate
    return {
        "verdict": certificate.worst_verdict,
        "bound": float(np.max(certificate.forward_error)),
        "digits": int(np.min(certificate.digits)),
        "rigor": certificate.rigor,
        "route": diagnosis.route,
    }


def _interleaved(calls: Mapping[str, Thunk], budget: float) -> dict[str, float]:
    """Median seconds of each call, measured by turns so that a busy moment hits all alike."""
    repeats = {name: max(1, int(_SAMPLE_SECONDS / max(_seconds(call, 1), 1e-7))) for name, call in calls.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    started = perf_counter()
    for _ in range(_SAMPLES):
        for name, call in calls.items():
            samples[name].append(_seconds(call, repeats[name]))
        if perf_counter() - started > budget and min(map(len, samples.values())) >= 3:
            break
    return {f"{name}_seconds": statistics.median(times) for name, times in samples.items()}


def _seconds(call: Thunk, repeats: int) -> float:
    started = perf_counter()
    for _ in range(repeats):
        with suppress(np.linalg.LinAlgError, FsciError):
            call()
    return (perf_counter() - started) / repeats


def _show(report: dict[str, Any]) -> None:
    columns = (
        "system",
        ">SciPy",
        ">NumPy",
        ">fsci",
        ">faster",
        ">SciPy error",
        ">fsci error",
        ">bound",
        "verdict",
        "route",
    )
    rows = []
    for row in report["cases"]:
        rows.append(
            (
                row["case"],
                duration(row["scipy_seconds"]),
                duration(row["numpy_seconds"]) if "numpy_seconds" in row else "",
                duration(row["fsci_seconds"]),
                _ratio(row["scipy_seconds"] / row["fsci_seconds"]),
                _error(row["scipy_error"], row["scipy_says"]),
                _error(row["fsci_error"], row["fsci_says"]),
                "" if row["bound"] is None else number(row["bound"]),
                f"{row['verdict']}, {row['digits']} digits" if row["digits"] else row["verdict"],
                row["route"],
            )
        )
    notes = [
        "Times: medians of interleaved calls. Errors: true ones, relative, against the known solution.",
        "Bound: what fsci's certificate vouches for. From Hilbert on, fsci runs in hardened mode at full accuracy.",
    ]
    notes += [
        f"The certificate of {name!r} did not hold: please report this." for name in report["broken_certificates"]
    ]
    table("fsci demo", columns, rows, notes=notes)


def _error(error: float | None, says: str) -> str:
    shown = "" if error is None else number(error)
    if says.startswith("warns"):
        says = "warns" + says[says.index(",") :] if "," in says else "warns"
    return f"{shown} {says}".strip()


def _ratio(value: float) -> str:
    return f"{value:.1f} x" if value >= 1.0 else f"{value:.2g} x"
