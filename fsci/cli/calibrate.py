"""``fsci calibrate``: measure the kernels on this machine and keep its own cost and success tables."""

from __future__ import annotations

import argparse
from typing import Any

from fsci.cli.errors import InputError
from fsci.cli.tables import progress, table
from fsci.core.render import plain

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--budget", type=float, default=180.0, metavar="SECONDS", help="time to spend (default: 180)")
    parser.add_argument(
        "--report", action="store_true", help="judge the tables in force on problems they were not fitted on"
    )


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Calibrate or report; gives the exit code and the report."""
    if not options.budget > 0:
        raise InputError(f"--budget {options.budget}: give a positive number of seconds")
    from fsci.selector import calibration

    if options.report:
        found = calibration.report()
    else:
        with progress("Calibrating", total=1.0) as step:
            found = calibration.calibrate(progress=step, budget=options.budget)
    report: dict[str, Any] = plain(found)
    if options.report and not options.json:
        print(report.pop("text"))
    elif not options.json:
        table("fsci calibrate", ("quantity", "value"), [(str(k), str(v)) for k, v in report.items()])
    return (1 if report.get("wrong_certificates") else 0), report
