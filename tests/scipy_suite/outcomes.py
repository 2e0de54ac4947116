"""A pytest plugin that writes the outcome of each test to the file named in SUITE_OUTCOMES, as JSON.

With xdist the controller hears every report, so only it writes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_SEVERITY = ("passed", "xpassed", "skipped", "xfailed", "failed")
_outcomes: dict[str, str] = {}
_texts: dict[str, str] = {}


def _name(nodeid: str) -> str:
    """From ``linalg/tests`` on: the same wherever SciPy is installed."""
    return nodeid.rpartition("scipy/")[2]


def pytest_runtest_logreport(report: Any) -> None:
    outcome = report.outcome
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed"
    name = _name(report.nodeid)
    if name not in _outcomes or _SEVERITY.index(outcome) > _SEVERITY.index(_outcomes[name]):
        _outcomes[name] = outcome
    if report.failed:
        _texts[name] = str(report.longrepr)[-2000:]


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _outcomes[_name(report.nodeid)] = "failed"
        _texts[_name(report.nodeid)] = str(report.longrepr)[-2000:]


def pytest_sessionfinish(session: Any) -> None:
    if not hasattr(session.config, "workerinput"):
        written = {"outcomes": _outcomes, "texts": _texts}
        Path(os.environ["SUITE_OUTCOMES"]).write_text(json.dumps(written), encoding="utf-8")
