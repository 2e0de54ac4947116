"""Integration side by side with SciPy, CyRK and diffrax: ``python -m benchmarks.integrate_side_by_side``.

Interleaved medians in one process; a row says what it compares. Where solvers differ in what they achieve at one
tolerance, each is timed over several, and compared at equal error: the seconds at which its work-precision line reaches
the digits that fsci has at the tolerance of the row. Every row is printed, reached or missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmarks.ivp_problems import PROBLEMS, digits
from benchmarks.measure import interleaved
from benchmarks.workloads_ivp import Contender, contenders, ensemble_contenders, fsci_call, scipy_call

__all__ = ["ROWS", "Row", "rows"]

Measured = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
    measure : callable
        ``measure(seconds)`` gives seconds by contender.
    needed : dict
        By peer, how many times its seconds must be fsci's.
    note : str
        What is compared.
    dear : bool
        Left out of the quick form.
    ours : str
        The contender that is held to the targets.
    """

    name: str
    measure: Callable[[float], dict[str, float]]
    needed: dict[str, float]
    note: str = ""
    dear: bool = False
    ours: str = "fsci"

    def judged(self, seconds: float) -> Measured:
        """Measure, and compare with the targets."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.measure(seconds)
        own = found[self.ours]
        ratios = {peer: value / own for peer, value in found.items() if peer != self.ours}
        missing = [peer for peer in self.needed if peer not in ratios]
        reached = all(ratios[peer] >= least for peer, least in self.needed.items() if peer in ratios)
        return {
            "workload": self.name, "ours": self.ours, "seconds": found, "ratio": ratios, "target": self.needed,
            "reached": reached and not missing, "not_installed": missing, "note": self.note,
        }  # fmt: skip


def _at_one_tolerance(make: Callable[[], dict[str, Contender]], rtol: float, seconds: float) -> dict[str, float]:
    calls = {name: partial(call, rtol) for name, call in make().items()}
    return {name: times.median for name, times in interleaved(calls, seconds).items()}


@dataclass
class _Line:
    """Digits and the logarithm of seconds, one point a tolerance."""

    digits: list[float] = field(default_factory=list)
    logs: list[float] = field(default_factory=list)

    def seconds(self, wanted: float) -> float:
        """Where the straight line through the points reaches `wanted` digits."""
        x, y = np.array(self.digits), np.array(self.logs)
        if np.ptp(x) < 0.5:
            return float(np.exp(np.min(y)))
        slope = np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2)
        return float(np.exp(y.mean() + slope * (wanted - x.mean())))


def _at_equal_error(problem: str, method: str, rtol: float, seconds: float) -> dict[str, float]:
    """Seconds of each contender at the digits that fsci has at `rtol`."""
    posed = PROBLEMS[problem]
    lines: dict[str, _Line] = {}
    for factor in (100.0, 10.0, 1.0, 0.1, 0.01):
        calls = {}
        for name, call in contenders(posed, method).items():
            reached = digits(call(rtol * factor), posed)
            if reached > 0.0:
                calls[name] = partial(call, rtol * factor)
                lines.setdefault(name, _Line()).digits.append(reached)
        for name, times in interleaved(calls, seconds / 3).items():
            lines[name].logs.append(float(np.log(times.median)))
    own = lines["fsci"]
    wanted = float(np.polyval(np.polyfit(range(len(own.digits)), own.digits, 1), len(own.digits) - 3))
    return {name: line.seconds(wanted) for name, line in lines.items()}


_PLAIN = """
import sys, time
import numpy as np
{importing}
def lorenz(t, y, sigma, rho, beta):
    return np.array([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])
begin = time.perf_counter()
solve_ivp(lorenz, (0.0, {end}), [1.0, 1.0, 1.0], "RK45", args=(10.0, 28.0, 8.0 / 3.0), rtol={rtol}, atol={rtol})
sys.stdout.write(repr(time.perf_counter() - begin))
"""


def _fresh(end: float, rtol: float, rounds: int, seconds: float) -> dict[str, float]:
    """Seconds of one solve with a plain callback, in processes of their own; imports are not counted."""
    imports = {
        "fsci": "from fsci.integrate import solve_ivp; import scipy.integrate",
        "SciPy": "from scipy.integrate import solve_ivp",
    }
    found: dict[str, list[float]] = {name: [] for name in imports}
    for done in range(rounds + 1):
        for name, importing in imports.items():
            code = _PLAIN.format(importing=importing, end=end, rtol=rtol)
            run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            if done or rounds == 1:
                found[name].append(float(run.stdout))
    return {name: float(np.median(values)) for name, values in found.items()}


def _brusselator(name: str, method: str, rtol: float, seconds: float) -> dict[str, float]:
    """fsci finds the structure; SciPy without it (where that can be waited for), and with the pattern given."""
    problem = PROBLEMS[name]
    calls: dict[str, Contender] = {"fsci": fsci_call(problem, method)}
    assert problem.sparsity is not None
    calls["SciPy, pattern given"] = scipy_call(problem, method, jac_sparsity=problem.sparsity())
    if problem.y0.size <= 500:
        calls["SciPy"] = scipy_call(problem, method)
    return _at_one_tolerance(lambda: calls, rtol, seconds)


def _ensemble(members: int, seconds: float) -> dict[str, float]:
    return {name: times.median for name, times in interleaved(ensemble_contenders(members), seconds).items()}


def _quadrature(seconds: float) -> dict[str, float]:
    """Sum over the classic integrands."""
    from benchmarks.workloads_quadrature import INTEGRALS, quad_calls

    total: dict[str, float] = {}
    for integral in INTEGRALS:
        calls = {name: call for name, call in quad_calls(integral).items() if "plain" not in name}
        for name, times in interleaved(calls, seconds / len(INTEGRALS)).items():
            total[name] = total.get(name, 0.0) + times.median
    return total


_PEERS = {"CyRK Numba": 1.0, "CyRK C++": 1.0}
ROWS = [
    Row(
        "Lorenz RK45", partial(_at_equal_error, "Lorenz", "RK45", 1e-8),
        {"SciPy": 60.0, **_PEERS, "diffrax Dopri5": 1.0},
        "to t=20, at the error of rtol 1e-8",
    ),
    Row(
        "Lorenz DOP853", partial(_at_equal_error, "Lorenz", "DOP853", 1e-8),
        {"SciPy": 60.0, **_PEERS, "diffrax Dopri8": 1.0}, "to t=20, at the error of rtol 1e-8",
    ),
    Row(
        "ROBER BDF", partial(_at_one_tolerance, partial(contenders, PROBLEMS["ROBER"], "BDF"), 1e-8), {"SciPy": 60.0},
        "to 1e11, rtol 1e-8",
    ),
    Row(
        "ROBER Radau", partial(_at_one_tolerance, partial(contenders, PROBLEMS["ROBER"], "Radau"), 1e-8),
        {"SciPy": 60.0}, "to 1e11, rtol 1e-8",
    ),
    Row(
        "ROBER auto", partial(_at_equal_error, "ROBER", "auto", 1e-8), {"SciPy LSODA": 1.0},
        "to 1e11, at the error of rtol 1e-8",
    ),
    Row(
        "plain callback, SciPy 20 ms", partial(_fresh, 17.0, 1e-6, 9), {"SciPy": 1.0 / 1.1}, "fresh process, cold",
    ),
    Row(
        "plain callback, SciPy 5 s", partial(_fresh, 600.0, 1e-10, 1), {"SciPy": 15.0},
        "fresh process, compiling included", dear=True,
    ),
    Row(
        "Brusselator 1-D n=500 BDF", partial(_brusselator, "Brusselator 1-D n=500", "BDF", 1e-4), {"SciPy": 3.0},
        "structure found, SciPy dense", dear=True,
    ),
    Row(
        "Brusselator 1-D n=500 Radau", partial(_brusselator, "Brusselator 1-D n=500", "Radau", 1e-4), {"SciPy": 3.0},
        "structure found, SciPy dense", dear=True,
    ),
    Row(
        "Brusselator 1-D n=5000 BDF", partial(_brusselator, "Brusselator 1-D n=5000", "BDF", 1e-4),
        {"SciPy, pattern given": 1.0}, "structure found; SciPy was given it",
    ),
    Row(
        "Brusselator 1-D n=5000 Radau", partial(_brusselator, "Brusselator 1-D n=5000", "Radau", 1e-4),
        {"SciPy, pattern given": 1.0}, "structure found; SciPy was given it", dear=True,
    ),
    Row(
        "Brusselator 2-D n=2048 BDF", partial(_brusselator, "Brusselator 2-D n=2048", "BDF", 1e-4),
        {"SciPy, pattern given": 1.0}, "structure found; SciPy was given it", dear=True,
    ),
    Row(
        "1000 Lorenz trajectories", partial(_ensemble, 1000), {"diffrax vmap": 4.0}, "to t=20, rtol 1e-8",
    ),
    Row(
        "10000 Lorenz trajectories", partial(_ensemble, 10000), {"diffrax vmap": 4.0}, "to t=20, rtol 1e-8", dear=True,
    ),
    Row(
        "quad on 20 integrands", _quadrature, {"scipy LowLevelCallable": 1.0}, "sum of the medians",
        ours="fsci jitted",
    ),
]  # fmt: skip


def rows(seconds: float = 1.0, only: str = "", quick: bool = False) -> Iterator[Measured]:
    """Measured rows, one by one."""
    for row in ROWS:
        if only in row.name and not (quick and row.dear):
            yield row.judged(seconds)


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _text(row: Measured) -> str:
    verdict = "reached" if row["reached"] else "MISSED"
    if row["not_installed"]:
        verdict += f" (not installed: {', '.join(row['not_installed'])})"
    cells = [f"{row['ours']} {_duration(row['seconds'][row['ours']])}"]
    for peer, ratio in row["ratio"].items():
        least = row["target"].get(peer)
        cells.append(
            f"{peer} {_duration(row['seconds'][peer])} = {ratio:.3g}x" + (f" (>= {least:.3g}x)" if least else "")
        )
    return f"{row['workload']} ({row['note']}): {verdict}\n    " + "; ".join(cells)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit code says nothing about targets, the lines do."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.integrate_side_by_side", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of measurement for each row")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--quick", action="store_true", help="leave out the rows that take long")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args(arguments)
    found = []
    for row in rows(options.seconds, options.only, options.quick):
        found.append(row)
        if not options.json:
            sys.stdout.write(_text(row) + "\n")
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps(found, indent=1, default=float) + "\n")
    else:
        sys.stdout.write(f"{sum(row['reached'] for row in found)} of {len(found)} targets reached\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
