"""Runs SciPy's tests, under the patch or without it, and judges the outcomes by the strict table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from packaging.specifiers import SpecifierSet

__all__ = ["Expected", "Outcomes", "expected_failures", "judge", "run"]

TABLE = Path(__file__).parents[1] / "scipy_expected_failures.toml"
LONGEST = 15  # entries that the table may have
_FOLDER = Path(__file__).parent
_TIMEOUT = 1200.0


@dataclass(frozen=True, slots=True)
class Expected:
    """A test that may fail under the patch, why, and for which SciPy."""

    id: str
    reason: str
    condition: str

    @property
    def holds(self) -> bool:
        """Whether the condition holds for the installed SciPy."""
        return SpecifierSet(self.condition).contains(version("scipy"), prereleases=True)

    def covers(self, test: str) -> bool:
        """Whether it names `test`; without brackets it names all parameter sets, of which one must fail."""
        return test == self.id or ("[" not in self.id and test.startswith(f"{self.id}["))


def expected_failures(text: str) -> list[Expected]:
    """The table's entries that hold here; a malformed or an overlong table is an error."""
    entries = tomllib.loads(text).get("expected", [])
    if len(entries) > LONGEST:
        raise ValueError(f"{len(entries)} expected failures; {LONGEST} at most")
    found = []
    for entry in entries:
        if set(entry) != {"id", "reason", "condition"} or not all(isinstance(v, str) and v for v in entry.values()):
            raise ValueError(f"an entry has id, reason and condition, and nothing else: {entry}")
        found.append(Expected(**entry))
    return [entry for entry in found if entry.holds]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcome of each test by id, and the text of the failures."""

    outcomes: Mapping[str, str]
    texts: Mapping[str, str]

    @property
    def counts(self) -> Counter[str]:
        """How many tests passed, failed, ..."""
        return Counter(self.outcomes.values())

    def of(self, outcome: str) -> set[str]:
        """Ids of the tests with this outcome."""
        return {test for test, found in self.outcomes.items() if found == outcome}


def run(targets: Iterable[str], *, patched: bool, workers: int = 0, options: Iterable[str] = ()) -> Outcomes:
    """Run ``pytest --pyargs targets`` in a process of its own.

    Parameters
    ----------
    targets : iterable of str
        Modules, ``"scipy.linalg"``, or ids as `Outcomes` gives them.
    patched : bool
        Run it by ``python -m fsci -m pytest``.
    workers : int
        Processes, if pytest-xdist is installed.
    """
    import scipy

    home = Path(scipy.__file__).parent
    # By module, not by path: pytest looks for its configuration beside paths, and would find this project's.
    named = ["scipy." + t.replace("/", ".").replace(".py", "", 1) if "/" in t else t for t in targets]
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "outcomes.json"
        command = [sys.executable, *(("-m", "fsci") if patched else ()), "-m", "pytest", "--pyargs", *named]
        command += ["-p", "outcomes", "-p", "no:cacheprovider", "-q", "--tb=short", "--rootdir", str(home.parent)]
        if workers > 1 and find_spec("xdist") is not None:
            command += ["-n", str(workers)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "FSCI_MODE", "FSCI_ACC"))}
        path = os.pathsep.join(filter(None, [str(_FOLDER), os.environ.get("PYTHONPATH")]))
        environment |= {"SUITE_OUTCOMES": str(result), "PYTHONPATH": path}
        done = subprocess.run(
            [*command, *options],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode not in (0, 1):  # neither all passed nor some failed: the run itself went wrong
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return Outcomes(**json.loads(result.read_text(encoding="utf-8")))


def judge(patched: Outcomes, plain: Outcomes, expected: Iterable[Expected]) -> list[str]:
    """What is wrong, a line each.

    Parameters
    ----------
    patched : Outcomes
        All tests, under the patch.
    plain : Outcomes
        Without it, at least those that did not pass under it.
    expected : iterable of Expected
    """
    entries = list(expected)
    lost = {
        test
        for test, outcome in patched.outcomes.items()
        if outcome != "passed" and plain.outcomes.get(test) == "passed"
    }
    wrong = []
    for test in sorted(lost):
        if not any(entry.covers(test) for entry in entries):
            text = (patched.texts.get(test) or "").strip().splitlines()
            wrong.append(
                f"{test} passes without the patch, {patched.outcomes[test]} with it: {text[-1] if text else ''}"
            )
    for entry in entries:
        covered = {test for test in patched.outcomes if entry.covers(test)}
        if not covered:
            wrong.append(f"expected failure {entry.id} matches no test")
        elif not covered & lost:
            wrong.append(f"expected failure {entry.id} does not fail any more")
    return wrong


def main() -> int:
    """``python tests/scipy_suite/runner.py [targets]``: the counts, and what is wrong."""
    targets = sys.argv[1:] or ["scipy.linalg", "scipy.optimize.tests.test_zeros"]
    patched = run(targets, patched=True, workers=2)
    print("under the patch:", dict(patched.counts))
    remaining = [t for t, outcome in patched.outcomes.items() if outcome != "passed"]
    plain = run(sorted({t.partition("[")[0] for t in remaining}), patched=False) if remaining else Outcomes({}, {})
    table = TABLE.read_text(encoding="utf-8") if TABLE.is_file() else ""
    wrong = judge(patched, plain, expected_failures(table))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
