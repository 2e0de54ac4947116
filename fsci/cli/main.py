"""The ``fsci`` command: reads the arguments, calls the command's module, writes JSON, gives the exit code.

Exit codes: 0 all is well; 1 an answer cannot be trusted (uncertified, singular), or a
check failed; 2 bad usage, or an input file that is missing or malformed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module

from fsci.cli.errors import InputError

__all__ = ["main"]

BAD_USAGE = 2

# Command -> what it does; each is the module of its name, imported when it is called.
COMMANDS = {
    "demo": "real systems side by side: SciPy's time and true error, fsci's, with certificates",
    "solve": "solve a system from a file, with a certificate",
    "doctor": "report versions, BLAS, threads, caches, devices and the policy in force",
    "warmup": "compile every kernel ahead",
    "calibrate": "measure this machine, so that costs are its own",
    "coverage": "list what fsci answers itself and what it hands to SciPy",
}


def _parser() -> argparse.ArgumentParser:
    from fsci import __version__

    parser = argparse.ArgumentParser(
        prog="fsci",
        description="SciPy's calls, answered by the algorithm that the measured condition asks for.",
        epilog="Run a program with fsci answering SciPy's calls: python -m fsci script.py",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fsci {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        command.add_argument("--json", action="store_true", help="write the report as JSON")
        import_module(f"fsci.cli.{name}").add_arguments(command)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    from fsci.core.errors import FsciError

    command = import_module(f"fsci.cli.{options.command}")
    try:
        code, report = command.run(options)
        if options.json:
            json.dump(report, sys.stdout, indent=2)
            sys.stdout.write("\n")
        sys.stdout.flush()
    except (InputError, FsciError) as error:
        print(f"fsci {options.command}: {error}", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:  # `fsci coverage | head`: the reader has gone, and nothing may be flushed to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
