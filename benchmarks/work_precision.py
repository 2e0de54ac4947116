"""Work-precision diagrams: ``python -m benchmarks.work_precision`` writes plots and numbers to ``.benchmarks/``.

Every method is run over tolerances on problems with known end values: digits achieved against seconds. fsci's "auto" is
held against the lower envelope of SciPy's six methods, at each accuracy that it reaches. Callbacks are jitted for all.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import warnings
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.ivp_problems import PROBLEMS, IvpProblem, digits
from benchmarks.workloads_ivp import Contender, fsci_call, scipy_call

__all__ = ["PLOTTED", "curves", "over_envelope"]

OUTPUT = Path(__file__).resolve().parents[1] / ".benchmarks" / "work_precision"
PLOTTED = (
    "HIRES", "ROBER", "OREGO", "VDPOL", "POLLU", "PLEI", "Lorenz", "Lotka-Volterra", "Brusselator 1-D n=500",
)  # fmt: skip
_SCIPY = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
_FSCI = ("RK23", "RK45", "DOP853", "Tsit5", "Vern7", "Radau", "BDF", "Rodas5P", "auto")
_EXPLICIT = {"RK23", "RK45", "DOP853", "Tsit5", "Vern7"}

Points = list[tuple[float, float, float]]  # tolerance, digits, seconds


@cache
def _with_reference(name: str) -> IvpProblem:
    """The problem; where no end values are known, with those of Radau at a tolerance far below what is plotted."""
    problem = PROBLEMS[name]
    if problem.reference is not None:
        return problem
    return dataclasses.replace(problem, reference=fsci_call(problem, "Radau")(1e-12))


def _solvers(problem: IvpProblem) -> dict[str, Contender]:
    """All methods; explicit ones where the problem is not stiff."""
    found: dict[str, Contender] = {}
    for library, names, call in (("fsci", _FSCI, fsci_call), ("SciPy", _SCIPY, scipy_call)):
        for method in names:
            if not (problem.stiff and method in _EXPLICIT):
                found[f"{library} {method}"] = call(problem, method)
    return found


def _seconds(call: Contender, rtol: float, rounds: int) -> float:
    samples = []
    for _ in range(rounds):
        begin = perf_counter()
        call(rtol)
        samples.append(perf_counter() - begin)
        if sum(samples) > 1.0:
            break
    return float(np.median(samples))


def curves(name: str, tolerances: list[float], longest: float = 2.0) -> dict[str, Points]:
    """Points by solver; a solver stops when a solve takes longer than `longest` seconds."""
    problem = _with_reference(name)
    found: dict[str, Points] = {}
    for solver, call in _solvers(problem).items():
        points: Points = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(tolerances[0])
            for rtol in tolerances:
                begin = perf_counter()
                reached = digits(call(rtol), problem)
                once = perf_counter() - begin
                if reached > 0.0:
                    points.append((rtol, reached, once if once > longest else _seconds(call, rtol, 7)))
                if once > longest:
                    break
        found[solver] = points
    return found


def over_envelope(found: dict[str, Points]) -> list[tuple[float, float]]:
    """For each accuracy of fsci's auto: the digits, and its seconds over the least that SciPy needs for as many.

    What SciPy needs is interpolated between a method's own points; accuracies that no method of SciPy reaches count as
    won, and are left out.
    """
    ratios = []
    for _, wanted, own in found["fsci auto"]:
        least = []
        for solver, points in found.items():
            if solver.startswith("SciPy") and points and max(p[1] for p in points) >= wanted:
                ordered = sorted(points, key=lambda p: p[1])
                logs = np.interp(wanted, [p[1] for p in ordered], [np.log(p[2]) for p in ordered])
                least.append(float(np.exp(logs)))
        if least:
            ratios.append((wanted, own / min(least)))
    return ratios


def _plot(name: str, found: dict[str, Points], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5))
    colours = {method: f"C{i}" for i, method in enumerate((*_SCIPY, *_FSCI[3:5], _FSCI[7]))}
    for solver, points in found.items():
        if points:
            library, _, method = solver.partition(" ")
            style = {"linestyle": "-" if library == "fsci" else "--", "color": colours.get(method, "black")}
            width = 2.5 if method == "auto" else 1.2
            axes.semilogy([p[1] for p in points], [p[2] for p in points], marker="o", markersize=3, label=solver,
                          linewidth=width, **style)  # fmt: skip
    axes.set_xlabel("correct significant digits at the end")
    axes.set_ylabel("seconds")
    axes.set_title(name)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    for suffix in (".png", ".svg"):
        figure.savefig(file.with_suffix(suffix), dpi=120)
    plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """Measure, plot where matplotlib is installed, and print how auto stands to the envelope."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.work_precision", description=__doc__)
    parser.add_argument("--only", default="", help="problems whose name holds this text")
    parser.add_argument("--quick", action="store_true", help="four tolerances in place of eight")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    tolerances = [10.0**-k for k in ((4, 6, 8, 10) if options.quick else range(3, 11))]
    whole: dict[str, Any] = {}
    for name in (name for name in PLOTTED if options.only in name):
        found = curves(name, tolerances, 0.5 if options.quick else 2.0)
        ratios = over_envelope(found)
        whole[name] = {"curves": found, "auto over SciPy's envelope": ratios}
        file = options.output / name.replace(" ", "_").replace("=", "")
        try:
            _plot(name, found, file)
        except ImportError:
            sys.stdout.write("matplotlib is not installed: numbers only\n")
        worst = max((ratio for _, ratio in ratios), default=float("nan"))
        verdict = "on or under" if worst <= 1.0 else "ABOVE"
        sys.stdout.write(f"{name:<26} auto takes at most {worst:.3g}x of SciPy's envelope: {verdict} it\n")
        sys.stdout.flush()
    (options.output / "curves.json").write_text(json.dumps(whole, indent=1))
    sys.stdout.write(f"plots and numbers are in {options.output}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
