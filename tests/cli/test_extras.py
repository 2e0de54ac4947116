"""What `fsci doctor` and `fsci coverage` say of optional packages."""

from __future__ import annotations

import json
from importlib.metadata import version

import numpy as np
import pytest

from fsci.cli import extras
from fsci.cli.main import main


def test_what_is_installed_is_told_from_what_is_not():
    assert extras.version_of("numpy") == np.__version__
    assert extras.version_of("no-such-package-at-all", "numpy") == np.__version__
    assert extras.version_of("no-such-package-at-all") == ""


def test_the_extra_that_brings_a_package_is_read_from_the_metadata(monkeypatch):
    lines = ["numpy>=2", "pypardiso>=0.4; extra == 'mkl'", 'cupy-cuda13x>=14; extra == "cuda"', "rich; extra == 'test'"]
    monkeypatch.setattr(extras, "requires", lambda name: lines)
    found = {row.package: row.extra for row in extras.extras()}
    assert found["pypardiso"] == "mkl"
    assert found["cupy"] == "cuda"
    assert found["rich"] == ""


@pytest.mark.parametrize("command", ["doctor", "coverage"])
def test_sparse_extras_are_named(command, capsys):
    main([command, "--json"])
    report = json.loads(capsys.readouterr().out)
    if command == "doctor":
        told = report["versions"]
    else:
        told = {row["package"]: row["version"] or "not installed" for row in report["extras"]}
    for package in ("pypardiso", "pyamg", "matplotlib"):
        assert told[package] == (extras.version_of(package) or "not installed")
    assert told["rich"] == version("rich")
    main([command])
    assert "pypardiso" in capsys.readouterr().out
