"""``fsci doctor``: versions, BLAS, threads, caches, devices, and the policy in force with its sources."""

from __future__ import annotations

import argparse
import os
import platform
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fsci.cli.extras import extras, version_of
from fsci.cli.tables import table

__all__ = ["add_arguments", "run"]

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "threadpoolctl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command: none of its own."""


def run(options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Report; the exit code is 1 where something needs a hand."""
    cache = _cache()
    report: dict[str, Any] = {
        "versions": _versions(),
        "blas": _blas(),
        "threads": _threads(),
        "cache": cache,
        "devices": _devices(),
        "policy": _policy(),
        "profile": _profile(),
    }
    complaints = []
    if not cache["writable"]:
        complaints.append(f"{cache['folder']} cannot be written: every process compiles anew; set FSCI_CACHE_DIR")
    if cache["files"] == 0:
        complaints.append("nothing is compiled yet: run fsci warmup")
    report["advice"] = complaints
    if not options.json:
        rows = [
            (section, str(k), _shown(v))
            for section, part in report.items()
            if section != "advice"
            for k, v in part.items()
        ]
        table("fsci doctor", ("section", "item", "value"), rows, notes=[f"! {text}" for text in complaints])
    return (0 if cache["writable"] else 1), report


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _versions() -> dict[str, str]:
    from fsci import __version__

    found = {"fsci": __version__, "python": f"{platform.python_version()} on {platform.platform()}"}
    found |= {package: version_of(package) or "not installed" for package in _PACKAGES}
    return found | {extra.package: extra.version or "not installed" for extra in extras()}


def _blas() -> dict[str, Any]:
    """Which BLAS each library was built with, and the pools that are loaded now."""
    import numpy as np
    import scipy
    import scipy.linalg

    found: dict[str, Any] = {}
    for library in (np, scipy):
        built = library.show_config(mode="dicts")["Build Dependencies"]["blas"]
        found[library.__name__] = f"{built.get('name')} {built.get('version')}"
    if find_spec("threadpoolctl") is not None:
        import threadpoolctl

        pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] in ("blas", "openmp")]
        for i, pool in enumerate(pools, 1):
            found[f"pool {i}"] = {
                pool["internal_api"]: pool.get("version") or "",
                "threads": pool["num_threads"],
                "kernel": pool.get("architecture", ""),
                "from": Path(pool["filepath"]).name,
            }
    return found


def _threads() -> dict[str, Any]:
    from fsci.kernels.threads import thread_count

    named = {n: os.environ[n] for n in ("FSCI_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if n in os.environ}
    return {"cores": os.cpu_count() or 1, "fsci uses": thread_count(), **named}


def _cache() -> dict[str, Any]:
    from fsci.core.profile import cache_folder

    folder = cache_folder()
    files = [f for f in (folder / "numba").rglob("*") if f.is_file()] if (folder / "numba").is_dir() else []
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    return {
        "folder": str(folder),
        "writable": os.access(nearest, os.W_OK),
        "files": len(files),
        "bytes": sum(f.stat().st_size for f in files),
    }


def _devices() -> dict[str, str]:
    found = {"host": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"}
    if find_spec("jax") is not None:
        import jax

        found["xla"] = ", ".join(str(device) for device in jax.devices())
    if find_spec("cupy") is not None:
        import cupy

        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            found["cuda"] = f"cupy is installed, but: {error}"
        else:
            names = (cupy.cuda.runtime.getDeviceProperties(i)["name"].decode() for i in range(count))
            found["cuda"] = ", ".join(names)
    return found


def _policy() -> dict[str, dict[str, Any]]:
    from fsci.core.policy import default_policy, policy_sources

    policy, sources = default_policy(), policy_sources()
    values = {name: getattr(policy, name) for name in sources}
    values["allow"], values["overrides"] = sorted(policy.allow), dict(policy.overrides)
    return {name: {"value": value, "from": sources[name]} for name, value in values.items()}


def _profile() -> dict[str, Any]:
    from fsci.core import profile
    from fsci.selector import success

    own = profile.cache_folder()
    return {
        "costs": profile.version(),
        "success": success.version(),
        "measured": "on this machine"
        if (own / "profile.json").is_file()
        else "as shipped; fsci calibrate makes your own",
    }
