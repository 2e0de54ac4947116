"""``python -m fsci``: programs run as Python runs them, with fsci answering."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
import numpy as np
from scipy.linalg import solve, hilbert

x = solve(np.array([[2.0, 0.0], [1.0, 4.0]]), np.array([2.0, 5.0]))
assert abs(x - 1).max() < 1e-15
print(__name__, sys.argv[1:], "fsci" in solve.__code__.co_filename, __file__)
"""


@pytest.fixture
def script(tmp_path):
    def write(text: str, name: str = "program.py") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def fsci(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("FSCI_MODE", "FSCI_ACCURACY")}
    command = [sys.executable, "-m", "fsci", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={**clean, **environment}, timeout=120, check=False
    )


def test_a_script_runs_under_the_patch_with_its_arguments(script):
    path = script(PROGRAM)
    done = fsci(path, "--mode", "x", "-m", "y")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"__main__ ['--mode', 'x', '-m', 'y'] True {path}"
    assert done.stderr == ""


def test_a_script_finds_its_neighbours(script, tmp_path):
    script("value = 7", "neighbour.py")
    done = fsci(script("import neighbour, sys; print(neighbour.value, sys.path[0])"), cwd=Path("/"))
    assert done.stdout.split() == ["7", str(tmp_path)], done.stderr


def test_a_module_runs_as_main(script, tmp_path):
    script(PROGRAM, "amodule.py")
    done = fsci("-m", "amodule", "-x", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("__main__ ['-x'] True")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('no luck')", 1, "no luck"),
        ("import sys; sys.exit()", 0, ""),
        ("raise SystemExit(None)", 0, ""),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("x = (", 1, "SyntaxError"),
    ],
)
def test_exit_codes_pass_through(script, text, code, message):
    done = fsci(script(text))
    assert done.returncode == code
    assert message in done.stderr


def test_tracebacks_hold_the_programs_frames_only(script):
    path = script("def f():\n    raise RuntimeError('here')\nf()\n")
    done = fsci(path)
    files = [line.split('"')[1] for line in done.stderr.splitlines() if line.lstrip().startswith("File ")]
    assert files == [str(path), str(path)]


def test_help_without_arguments():
    done = fsci()
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python -m fsci")
    assert "--profile" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.py"], "fsci: can't open file 'missing.py'"),
        (["-m", "no.such_module"], "fsci: no module named no.such_module"),
        (["--mode", "reckless", "x.py"], "'strict', 'hardened'"),
        (["--accuracy", "poor", "x.py"], "accuracy='poor'"),
        (["-m"], ""),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_two(arguments, message):
    done = fsci(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_options_reach_the_policy_and_child_processes(script):
    text = """
import subprocess, sys
from fsci.core.frames import FRAME
print(FRAME.get().policy.mode, FRAME.get().policy.accuracy)
child = "from fsci.core.frames import FRAME; print(FRAME.get().policy.mode)"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
"""
    done = fsci("--mode", "hardened", "--accuracy", "1e-9", script(text))
    assert done.stdout.split() == ["hardened", "1e-09", "hardened"], done.stderr


def test_the_profile_names_calls_routes_and_reasons(script):
    text = PROGRAM + "hilbert(3); hilbert(4)\nfrom threading import Thread\n"
    text += "t = Thread(target=lambda: solve(np.eye(5) * 2, np.ones(5))); t.start(); t.join()\nsys.exit(3)\n"
    done = fsci("--profile", script(text))
    assert done.returncode == 3
    lines = [line.split() for line in done.stderr.splitlines()]
    handed = next(line for line in lines if line[:1] == ["linalg.hilbert"])
    assert handed[1] == "2"
    assert " ".join(handed).endswith("unexamined not implemented by fsci")
    solved = [line for line in lines if line[:1] == ["linalg.solve"]]
    assert sum(int(line[1]) for line in solved) == 2
    assert all("certified," in line for line in solved)


def test_fail_on_handover(script):
    done = fsci("--fail-on-handover", script(PROGRAM))
    assert done.returncode == 0, done.stderr
    done = fsci("--fail-on-handover", script(PROGRAM + "hilbert(3)"))
    assert done.returncode == 1
    assert "fsci: linalg.hilbert: 1 calls handed to SciPy: not implemented by fsci" in done.stderr.splitlines()


def test_pickles_and_processes_of_the_program_work(script):
    text = """
import pickle
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
import numpy as np
import scipy.linalg

class Mine:
    pass

def job(n):
    return float(scipy.linalg.solve(np.eye(n) * 2.0, np.ones(n))[0])

if __name__ == "__main__":
    pickle.loads(pickle.dumps(Mine()))
    for method in ("spawn", "fork"):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            print(pool.submit(job, 3).result(), pool.submit(scipy.linalg.solve, np.eye(2), np.ones(2)).result())
"""
    done = fsci(script(text))
    assert done.stdout.splitlines() == ["0.5 [1. 1.]"] * 2, done.stderr
