"""``fsci solve A.mtx [b]``: one system from files, answered with its certificate.

A dense matrix goes to `fsci.linalg.solve`, a sparse one to `fsci.sparse.linalg.spsolve`.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from fsci.cli.errors import InputError
from fsci.cli.inputs import FORMATS, read_array, read_dense
from fsci.cli.tables import duration, table
from fsci.core.errors import PolicyError
from fsci.core.render import number
from fsci.core.types import Diagnosis

__all__ = ["add_arguments", "run"]

_UNTRUSTED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("matrix", type=Path, help=f"square matrix, dense or sparse: {FORMATS}")
    parser.add_argument(
        "b", type=Path, nargs="?", help="right-hand side, as a file; without it, A times a vector of ones"
    )
    parser.add_argument("--mode", help="strict (default) or hardened")
    parser.add_argument("--accuracy", help="standard (default), full, verified, or a bound like 1e-10")
    parser.add_argument("--explain", action="store_true", help="show all evidence, ranking, attempts and certificate")
    parser.add_argument(
        "--plot", action="store_true", help="show where the entries stand, and the cost of elimination by ordering"
    )
    parser.add_argument(
        "--plot-file", type=Path, metavar="FILE", help="draw them by matplotlib: .png, .svg or .pdf (implies --plot)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write x: .npy, .mtx or .txt")


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Solve; the exit code is 1 where the answer is not certified."""
    if options.output is not None and options.output.suffix not in _WRITERS:
        raise InputError(f"{options.output}: x is written as one of {', '.join(_WRITERS)}")
    _check_plot_file(options.plot_file)
    a = read_array(options.matrix)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.shape[0] == 0:
        raise InputError(f"{options.matrix} is {' x '.join(map(str, a.shape))}: a square matrix is needed")
    sparse = scipy.sparse.issparse(a)
    b = a @ np.ones(a.shape[0], a.dtype) if options.b is None else _right_hand_side(options.b, a.shape[0])
    report: dict[str, Any] = {"matrix": str(options.matrix), "n": a.shape[0], "dtype": a.dtype.name}
    if sparse:
        report["entries"] = a.nnz
        if not np.isfinite(a.data).all():
            raise InputError(f"{options.matrix}: array must not contain infs or NaNs")
    diagnosis, complaints = _solved(a, b, options)
    report["warnings"] = complaints
    if isinstance(diagnosis, str):
        report["error"] = diagnosis
        rows = [("n", str(a.shape[0])), ("refused", diagnosis)]
        code = _UNTRUSTED
    else:
        x, certificate = diagnosis.value, diagnosis.certificate
        report |= {"route": diagnosis.route, "seconds": diagnosis.seconds, "certificate": certificate.to_dict()}
        if options.b is None:
            report["difference_from_ones"] = float(np.max(np.abs(x - 1)))
        if options.explain or sparse:
            report["diagnosis"] = diagnosis.to_dict()
        if options.output is not None:
            _write(options.output, x)
        rows = _rows(report, diagnosis)
        code = 0 if certificate.worst_verdict == "certified" else _UNTRUSTED
    if not options.json:
        table(f"fsci solve {options.matrix}", ("quantity", "value"), rows)
        # The route of a sparse system is the point of it: evidence and reasons are always shown.
        if (options.explain or sparse) and isinstance(diagnosis, Diagnosis):
            print(f"\n{diagnosis!r}")
    if options.plot or options.plot_file is not None:
        _plot(a, options, report)
    return code, report


def _solved(a: Any, b: Any, options: argparse.Namespace) -> tuple[Diagnosis | str, list[str]]:
    """The diagnosis, or why there is no answer; and the warnings, as text."""
    import fsci
    from fsci.core.policy import default_policy

    solver = fsci.sparse.linalg.spsolve if scipy.sparse.issparse(a) else fsci.linalg.solve
    named = {"FSCI_MODE": options.mode, "FSCI_ACCURACY": options.accuracy}
    policy = default_policy({**os.environ, **{name: text for name, text in named.items() if text is not None}})
    with warnings.catch_warnings(record=True) as caught, fsci.policy(mode=policy.mode, accuracy=policy.accuracy):
        warnings.simplefilter("always")
        try:
            found: Diagnosis | str = fsci.explain(solver, a, b)
        except (np.linalg.LinAlgError, MemoryError) as error:
            found = str(error)
        except PolicyError:
            raise
        except ValueError as error:  # infs and NaNs, and right-hand sides that do not fit
            raise InputError(f"{options.matrix}: {error}") from error
        if isinstance(found, Diagnosis):
            found = _looked_at(found)
    said = [str(w.message) for w in caught]
    if isinstance(found, Diagnosis) and not np.isfinite(found.value).all():
        # SciPy's answer to a singular sparse matrix is a warning and NaN, which nobody can use.
        found = said[0] if said else "there is no finite answer"
    return found, said


def _looked_at(diagnosis: Diagnosis) -> Diagnosis:
    """With evidence and ranking, where the system was so small that it was solved without them."""
    from fsci.core import registry
    from fsci.core.frames import FRAME
    from fsci.selector.ranking import rank

    problem = diagnosis.problem
    if problem is None or problem.kind != "sparse_linear_system" or "structure" in diagnosis.evidence:
        return diagnosis
    evidence = registry.probe(problem)
    note = "solved without looking, being small; evidence and ranking were drawn up afterwards"
    decision = rank(problem, evidence, FRAME.get().policy)
    tried = {attempt.kernel for attempt in diagnosis.attempts}
    refusals = tuple((name, why) for name, why in decision.refusals if name not in tried)
    decisions = (replace(decision, refusals=refusals),)
    return replace(diagnosis, evidence=evidence, decisions=decisions, notes=(*diagnosis.notes, note))


_PICTURES = (".png", ".svg", ".pdf")


def _check_plot_file(path: Path | None) -> None:
    if path is not None and path.suffix not in _PICTURES:
        raise InputError(f"{path}: a picture is written as one of {', '.join(_PICTURES)}")
    if path is not None and not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: no such folder")


def _plot(a: Any, options: argparse.Namespace, report: dict[str, Any]) -> None:
    """Spy plot and elimination statistics, shown and put into the report."""
    from fsci.cli.elimination import elimination, show
    from fsci.cli.spy import characters, draw, has_matplotlib

    pattern = scipy.sparse.csc_array(a)
    report["elimination"], best = elimination(pattern)
    drawn = options.plot_file is not None and has_matplotlib()
    if drawn:
        draw(options.plot_file, pattern, best.order, (options.matrix.name, f"ordered by {best.name}"))
        report["plot_file"] = str(options.plot_file)
    else:
        report["spy"] = characters(pattern)
    if options.json:
        return
    print()
    if drawn:
        print(f"drawn in {options.plot_file}")
    else:
        print("\n".join(report["spy"]))
        if options.plot_file is not None:
            print("matplotlib is not installed: no picture was written")
    print()
    show(report["elimination"])


def _rows(report: dict[str, Any], diagnosis: Diagnosis) -> list[tuple[str, str]]:
    certificate = diagnosis.certificate
    rows = [
        ("n", str(report["n"])),
        ("time", duration(diagnosis.seconds)),
        ("route", diagnosis.route),
        ("verdict", certificate.worst_verdict),
        ("digits", number(certificate.digits)),
        ("error bound", f"{number(certificate.forward_error)} ({certificate.rigor})"),
        ("backward error", number(certificate.backward_error)),
        ("condition", number(certificate.condition)),
    ]
    if "difference_from_ones" in report:
        rows.append(("largest |x - 1|", number(report["difference_from_ones"])))
    if "entries" in report:
        rows.insert(1, ("entries", str(report["entries"])))
    return rows + [("warns", text) for text in report["warnings"]]


def _right_hand_side(path: Path, n: int) -> Any:
    b = read_dense(path)
    if b.ndim == 2 and b.shape[1] == 1:
        b = b[:, 0]
    if b.ndim not in (1, 2) or b.shape[0] != n:
        raise InputError(f"{path} is {' x '.join(map(str, b.shape))}: {n} rows are needed")
    return b


def _write_matrix_market(path: Path, x: Any) -> None:
    import scipy.io

    scipy.io.mmwrite(path, x.reshape(x.shape[0], -1), precision=17)


_WRITERS: dict[str, Callable[[Path, Any], None]] = {
    ".npy": np.save,
    ".mtx": _write_matrix_market,
    ".txt": lambda path, x: np.savetxt(path, x, fmt="%.17g" if x.dtype.kind == "f" else "%.17g%+.17gj"),
}


def _write(path: Path, x: Any) -> None:
    try:
        _WRITERS[path.suffix](path, x)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
