"""Measure the shipped cost and success tables again, on this machine: ``python -m benchmarks.calibrate_shipped``.

Uses the calibration half of the whole catalogue, the data that PyAMG and scikit-learn ship included.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.problems import shipped
from fsci.selector.calibration import calibration_entries, measure, write_tables

__all__: list[str] = []

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Calibrate, and write the tables into the repository."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate_shipped", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--kinds", default="", help="comma-separated; the others keep their tables")
    options = parser.parse_args(arguments)
    entries = [*calibration_entries(), *(e for e in shipped() if e.half == "calibration")]
    if options.kinds:
        entries = [e for e in entries if e.kind in options.kinds.split(",")]

    def show(what: str, share: float) -> None:
        sys.stderr.write(f"\r{share:4.0%} {what:<70.70}")

    tables = measure(show, options.seconds, entries)
    write_tables(tables, ROOT / "fsci/core/data/profile.json", ROOT / "selector/data/success.json")
    sys.stderr.write("\n")
    sys.stdout.write(f"profile {tables['profile']['version']}: {tables['profile']['measurement']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
