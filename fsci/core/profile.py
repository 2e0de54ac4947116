"""The machine profile: measured seconds of each kernel, as a table of work against time.

Shipped as data (``data/profile.json``, with the machine that it was measured
on); `fsci calibrate` writes one for this machine into the user's cache folder.
"""

from __future__ import annotations

import bisect
import json
import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsci.core.errors import ProfileError

__all__ = ["cache_folder", "load_profile", "price", "reset", "seconds", "version"]

_SHIPPED = Path(__file__).parent / "data" / "profile.json"


def cache_folder() -> Path:
    """The user's cache folder of fsci (``FSCI_CACHE_DIR``, else the platform's custom)."""
    named = os.environ.get("FSCI_CACHE_DIR")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "fsci"


def read_table(path: Path) -> dict[str, Any]:
    """A JSON data file that must be a table with a version."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path} cannot be read ({error}); remove it, or run: fsci calibrate") from error
    if not isinstance(table, dict) or "version" not in table:
        raise ProfileError(f"{path} is not a profile of fsci; remove it, or run: fsci calibrate")
    return table


# Characters that are read to find one price.
_FIRST_PART = 1 << 14


def _in_force() -> Path:
    own = cache_folder() / "profile.json"
    return own if own.is_file() else _SHIPPED


@lru_cache(maxsize=1)
def load_profile() -> dict[str, Any]:
    """The profile in force: the user's, else the shipped one."""
    return read_table(_in_force())


@lru_cache(maxsize=16)
def price(key: str) -> float:
    """Seconds of `key` at work 1, from the text of the profile: its tables take milliseconds to read, a tenth of the
    shortest solves that ask.
    """
    if not load_profile.cache_info().currsize:
        with _in_force().open(encoding="utf-8") as file:
            text = file.read(_FIRST_PART)  # the keys are in order, and these near the beginning
        begin = text.find("{", text.find(f'"{key}":') + 1)
        if f'"{key}":' in text:
            try:
                by_dtype, _ = json.JSONDecoder().raw_decode(text, begin)
            except ValueError:
                by_dtype = {}  # cut off
            rows = by_dtype.get("float64")
            if rows and rows[0][0] == 1:
                return float(rows[0][1])
    return seconds(key, "float64", 1.0)


def reset() -> None:
    """Read the profile again at the next use."""
    load_profile.cache_clear()
    price.cache_clear()
    _points.cache_clear()
    seconds.cache_clear()


def version() -> str:
    """Version of the profile in force: it is part of every decision."""
    return str(load_profile()["version"])


@lru_cache(maxsize=512)
def _points(key: str, dtype: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    profile = load_profile()
    by_dtype = profile["kernels"].get(key, {})
    rows = by_dtype.get(dtype) or by_dtype.get("float64") or profile["default"]
    return tuple(math.log(w) for w, _ in rows), tuple(math.log(s) for _, s in rows)


@lru_cache(maxsize=8192)
def seconds(key: str, dtype: str, work: float) -> float:
    """Predicted seconds of kernel `key` at this amount of work.

    Log-log interpolation between measured points; beyond the last, time grows
    with the work, and below the first it stays (call overhead).
    """
    works, times = _points(key, dtype)
    x = math.log(max(work, 1.0))
    if x <= works[0]:
        return math.exp(times[0])
    if x >= works[-1]:
        return math.exp(times[-1] + x - works[-1])
    i = bisect.bisect_right(works, x)
    share = (x - works[i - 1]) / (works[i] - works[i - 1])
    return math.exp(times[i - 1] + share * (times[i] - times[i - 1]))
