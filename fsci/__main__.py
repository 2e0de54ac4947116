"""``python -m fsci script.py``: run a program that nobody changed, with fsci answering SciPy's calls."""

from __future__ import annotations

import argparse
import atexit
import os
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

__all__ = ["main"]

BAD_USAGE = 2
_EPILOG = """\
examples:
  python -m fsci analysis.py --input data.csv
  python -m fsci --mode hardened --profile analysis.py
  python -m fsci -m pytest --pyargs scipy.linalg

The commands (demo, solve, doctor, warmup, calibrate, coverage) are those of: fsci --help"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fsci",
        usage="python -m fsci [options] (script.py | -m module) [arguments ...]",
        description="Run a script or a module with fsci answering SciPy's calls.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--mode", metavar="MODE", help="strict (default) or hardened")
    parser.add_argument("--accuracy", metavar="ACCURACY", help="standard (default), full, verified, or 1e-10")
    parser.add_argument("--profile", action="store_true", help="end with a table of calls, routes, times, certificates")
    parser.add_argument(
        "--fail-on-handover", action="store_true", help="exit with 1 if any call was left to SciPy, and say which"
    )
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, metavar="module", help="module to run")
    parser.add_argument("script", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _fail(message: str) -> int:
    print(f"fsci: {message}", file=sys.stderr)
    return BAD_USAGE


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments name; gives the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    command: list[str] = options.module if options.module is not None else options.script
    if not command:
        parser.print_help()
        return 0 if options.module is None else BAD_USAGE
    from fsci.core.errors import PolicyError

    try:
        _set_policy(options.mode, options.accuracy)
    except PolicyError as error:
        return _fail(str(error))
    if options.module is not None:
        if not _is_module(command[0]):
            return _fail(f"no module named {command[0]}")
        if command[0] == "pytest":  # xdist's workers are processes of their own: they load this plugin
            loaded = os.environ.get("PYTEST_PLUGINS")
            os.environ["PYTEST_PLUGINS"] = ",".join(filter(None, [loaded, "fsci.pytest_plugin"]))
    elif not Path(command[0]).exists():
        return _fail(f"can't open file {command[0]!r}: no such file or directory")
    return _run(command, options.module is not None, options.profile, options.fail_on_handover)


def _set_policy(mode: str | None, accuracy: str | None) -> None:
    """Put the options where child processes see them too: into the environment."""
    for variable, text in (("FSCI_MODE", mode), ("FSCI_ACCURACY", accuracy)):
        if text is not None:
            os.environ[variable] = text
    from fsci.core.frames import configure
    from fsci.core.policy import default_policy

    policy = default_policy()
    configure(mode=policy.mode, accuracy=policy.accuracy)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return False


def _run(command: list[str], is_module: bool, profile: bool, fail_on_handover: bool) -> int:
    from fsci.patch import patch_scipy

    log = None
    if profile or fail_on_handover:
        from fsci.cli.profile import CallTable
        from fsci.core.frames import listen

        log = CallTable()
        listen(log)
    if log is not None and profile:
        atexit.register(log.show, sys.stderr)  # after the program's own threads and exit handlers
    patch_scipy(handovers=log is not None)
    code = _execute(command, is_module)
    if log is not None and fail_on_handover and log.handovers:
        for row in log.handovers:
            print(f"fsci: {row.function}: {row.count} calls handed to SciPy: {row.handover}", file=sys.stderr)
        return code or 1
    return code


def _execute(command: list[str], is_module: bool) -> int:
    """Run the program as Python would; gives its exit code."""
    name = command[0]
    sys.argv[:] = command
    if not is_module and not sys.flags.safe_path:
        sys.path[0] = str(Path(name).resolve().parent)
    try:
        if is_module:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(name, run_name="__main__")
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001  (as the interpreter does: show it, exit with 1)
        error.__traceback__ = _own_frames_dropped(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _own_frames_dropped(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>", runpy.__file__):
        trace = trace.tb_next
    return trace


if __name__ == "__main__":
    sys.exit(main())
