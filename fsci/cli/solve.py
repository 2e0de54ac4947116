"""``fsci solve A.mtx [b]``: one system from files, answered with its certificate."""

from __future__ import annotations

import argparse
import os
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fsci.cli.errors import InputError
from fsci.cli.tables import duration, table
from fsci.core.errors import PolicyError
from fsci.core.render import number
from fsci.core.types import Diagnosis

__all__ = ["add_arguments", "read_array", "run"]

_UNTRUSTED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("matrix", type=Path, help="square matrix: .mtx, .mtx.gz or .npy")
    parser.add_argument(
        "b", type=Path, nargs="?", help="right-hand side, as a file; without it, A times a vector of ones"
    )
    parser.add_argument("--mode", help="strict (default) or hardened")
    parser.add_argument("--accuracy", help="standard (default), full, verified, or a bound like 1e-10")
    parser.add_argument("--explain", action="store_true", help="show evidence, ranking, attempts and certificate")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write x: .npy, .mtx or .txt")


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Solve; the exit code is 1 where the answer is not certified."""
    if options.output is not None and options.output.suffix not in _WRITERS:
        raise InputError(f"{options.output}: x is written as one of {', '.join(_WRITERS)}")
    a = read_array(options.matrix)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.size == 0:
        raise InputError(f"{options.matrix} is {' x '.join(map(str, a.shape))}: a square matrix is needed")
    b = a @ np.ones(a.shape[0], a.dtype) if options.b is None else _right_hand_side(options.b, a.shape[0])
    report: dict[str, Any] = {"matrix": str(options.matrix), "n": a.shape[0], "dtype": a.dtype.name}
    diagnosis, complaints = _solved(a, b, options)
    report["warnings"] = complaints
    if isinstance(diagnosis, str):
        report["error"] = diagnosis
        if not options.json:
            table(
                f"fsci solve {options.matrix}", ("quantity", "value"), [("n", str(a.shape[0])), ("refused", diagnosis)]
            )
        return _UNTRUSTED, report
    x, certificate = diagnosis.value, diagnosis.certificate
    report |= {"route": diagnosis.route, "seconds": diagnosis.seconds, "certificate": certificate.to_dict()}
    if options.b is None:
        report["difference_from_ones"] = float(np.max(np.abs(x - 1)))
    if options.explain:
        report["diagnosis"] = diagnosis.to_dict()
    if options.output is not None:
        _write(options.output, x)
    if not options.json:
        _show(report, diagnosis, options.explain)
    return (0 if certificate.worst_verdict == "certified" else _UNTRUSTED), report


def _solved(a: Any, b: Any, options: argparse.Namespace) -> tuple[Diagnosis | str, list[str]]:
    """The diagnosis, or why there is no answer; and the warnings, as text."""
    import fsci
    from fsci.core.policy import default_policy

    named = {"FSCI_MODE": options.mode, "FSCI_ACCURACY": options.accuracy}
    policy = default_policy({**os.environ, **{name: text for name, text in named.items() if text is not None}})
    with warnings.catch_warnings(record=True) as caught, fsci.policy(mode=policy.mode, accuracy=policy.accuracy):
        warnings.simplefilter("always")
        try:
            found: Diagnosis | str = fsci.explain(fsci.linalg.solve, a, b)
        except np.linalg.LinAlgError as error:
            found = str(error)
        except PolicyError:
            raise
        except ValueError as error:  # infs and NaNs, and right-hand sides that do not fit
            raise InputError(f"{options.matrix}: {error}") from error
    return found, [str(w.message) for w in caught]


def _show(report: dict[str, Any], diagnosis: Diagnosis, explain: bool) -> None:
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
    rows += [("warns", text) for text in report["warnings"]]
    table(f"fsci solve {report['matrix']}", ("quantity", "value"), rows)
    if explain:
        print(f"\n{diagnosis!r}")


def read_array(path: Path) -> Any:
    """A dense float or complex array from a Matrix Market or NumPy file."""
    kind = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    try:
        if kind in (".mtx", ".mtx.gz"):
            array = _matrix_market(path)
        elif kind == ".npy":
            array = np.load(path, allow_pickle=False)
        else:
            raise InputError(f"{path}: .mtx, .mtx.gz or .npy is needed")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, OverflowError, zlib.error) as error:
        raise InputError(
            f"{path} cannot be read: {str(error).splitlines()[0] if str(error) else 'malformed'}"
        ) from error
    if array.dtype.kind not in "biufc":
        raise InputError(f"{path} holds {array.dtype}: numbers are needed")
    return array if array.dtype.char in "fdFD" else array.astype(complex if array.dtype.kind == "c" else float)


def _matrix_market(path: Path) -> Any:
    import scipy.io

    rows, columns = scipy.io.mminfo(path)[:2]
    # A matrix that the machine cannot hold three times over would end in the swap, or in a kill.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**62
    if 3 * 16 * rows * columns > memory:
        raise InputError(f"{path} is {rows} x {columns}: too large to be solved as a dense matrix here")
    matrix = scipy.io.mmread(path)
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _right_hand_side(path: Path, n: int) -> Any:
    b = read_array(path)
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
