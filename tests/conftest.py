"""Fixtures of every test: fresh frame state, a seeded generator, the data folder, hypothesis' profile."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from fsci.core import frames
from fsci.core.ledger import Ledger

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("FSCI_TEST_DATA") or REPOSITORY.parent / "shared" / "data")

# The catalogue (`benchmarks.problems`) serves tests too, and is in no wheel.
if str(REPOSITORY) not in sys.path:
    sys.path.append(str(REPOSITORY))

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ci")


@pytest.fixture
def data_folder() -> Path:
    """The matrix collection and its neighbours; the test is skipped where they are absent."""
    if not DATA.is_dir():
        pytest.skip("needs the data folder: set FSCI_TEST_DATA")
    return DATA


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded by the name of the test, so that a test alone draws what it draws in the suite."""
    return np.random.default_rng(crc32(request.node.nodeid.encode()))


@pytest.fixture(autouse=True)
def isolated() -> Iterator[None]:
    """Each test starts with no plans and an empty ledger, and leaves the process-wide policy as it was."""
    frame = frames._DEFAULT
    policy, ledger = frame.policy, frame.ledger
    frame.ledger = Ledger()
    frame.plans.clear()
    token = frames.FRAME.set(frame)
    yield
    frames.FRAME.reset(token)
    frame.policy, frame.ledger = policy, ledger
    frame.plans.clear()


@pytest.fixture
def call(capsys):
    """`fsci` from the command line: arguments to exit code, output and errors."""
    from fsci.cli.main import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as error:  # argparse
            code = int(error.code or 0)
        return code, *capsys.readouterr()

    return run
