"""The asv site of this commit: ``python -m benchmarks.site`` runs the suites quickly and builds ``.asv/html``."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

__all__: list[str] = []

ROOT = Path(__file__).resolve().parents[1]


def _asv(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "asv", *arguments], cwd=ROOT, check=False).returncode


def main(arguments: list[str] | None = None) -> int:
    """Run asv for HEAD in this environment, then publish."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.site", description=__doc__)
    parser.add_argument("--bench", default="", help="regular expression: only these benchmarks")
    parser.add_argument("--full", action="store_true", help="full repetitions instead of one quick pass")
    options = parser.parse_args(arguments)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True)
    _asv("machine", "--yes")
    run = ["run", f"--python={sys.executable}", "--set-commit-hash", head.stdout.strip()]
    if not options.full:
        run.append("--quick")
    if options.bench:
        run += ["--bench", options.bench]
    failed = _asv(*run)
    # asv gives 2 where a benchmark of the suite failed; the site shows which, and is built all the same.
    return _asv("publish") or (failed if failed != 2 else 0)


if __name__ == "__main__":
    sys.exit(main())
