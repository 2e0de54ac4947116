"""``fsci coverage``: which of SciPy's functions fsci answers itself, and with which algorithms."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from fsci.cli.extras import extras
from fsci.cli.tables import table

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--markdown", action="store_true", help="the tables as Markdown, for a README")


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Show the coverage; gives the exit code and the report."""
    from fsci.coverage import answered, as_markdown, portfolios

    if options.markdown:
        sys.stdout.write(as_markdown())
        return 0, {}
    domains, kinds = answered(), portfolios()
    optional = extras()
    report = {
        "domains": [asdict(row) for row in domains],
        "kinds": [asdict(row) for row in kinds],
        "extras": [row._asdict() for row in optional],
    }
    if not options.json:
        _show(domains, kinds)
        print()
        rows = [(row.package, row.serves, row.extra or "-", row.version or "not installed") for row in optional]
        table("Optional packages", ("package", "serves", "extra of fsci", "version"), rows)
    return 0, report


def _show(domains: list[Any], kinds: list[Any]) -> None:
    for row in domains:
        names = [(name, "fsci") for name in row.own] + [(name, "handed to SciPy") for name in row.handed_over]
        title = f"scipy.{row.domain}: fsci answers {len(row.own)} of {row.total} functions"
        table(title, ("function", "answered by"), names)
        print()
    rows = []
    for kind in kinds:
        cells = ("not installed" if names is None else ", ".join(names) or "-" for names in kind.kernels.values())
        rows.append((kind.kind, *cells))
    table("Algorithms by kind of problem", ("problem", "host", "xla (JAX)", "cuda (CuPy)"), rows)
