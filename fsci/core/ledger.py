"""The ledger: escalations, repairs, refusals, overrides, transfers and hand-overs, in order.

In memory by default (the newest entries); on request an append-only JSONL file
in which each entry carries the hash of the one before it (Haber and Stornetta,
1991), so that a change or a removal in the middle is found. Several processes may append to one
file: each takes the file's lock and goes on from the last entry that it finds there.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fsci.core.errors import LedgerError
from fsci.core.render import plain

__all__ = ["Entry", "Ledger", "verify"]

GENESIS = "0" * 64
_KEPT = 10_000  # entries kept in memory
_BLOCK = 1 << 16  # bytes read at a time, from the end, in search of the last line


@dataclass(frozen=True, slots=True)
class Entry:
    """One consequential decision: what happened, in which function, with which facts."""

    event: str
    function: str
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain values."""
        return {"event": self.event, "function": self.function, "facts": plain(self.facts)}


def _digest(previous: str, body: dict[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((previous + text).encode()).hexdigest()


class Ledger:
    """Collects entries; thread-safe.

    Parameters
    ----------
    path : str or None
        File to append to. It is verified first: a broken chain is an error.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        if self.path is not None:
            _prepare(self.path)

    def record(self, event: str, function: str, **facts: Any) -> None:
        """Append one entry."""
        entry = Entry(event, function, facts)
        with self._lock:
            self._entries.append(entry)
            if self.path is not None:
                _append(self.path, entry.to_dict())

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget the entries in memory; a file is never shortened."""
        with self._lock:
            self._entries.clear()


def _prepare(path: Path) -> None:
    """Verify `path`, or see that it can be made."""
    if path.is_file():
        verify(path)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise LedgerError(f"ledger {path}: cannot be written ({error.strerror})") from error


def _append(path: Path, body: dict[str, Any]) -> None:
    """Add one entry behind the last, under the file's lock."""
    with path.open("a+b") as file:
        _take_lock(file)
        previous = _last_hash(file, path)
        line = json.dumps({"previous": previous, "hash": _digest(previous, body), **body}, sort_keys=True)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _take_lock(file: IO[bytes]) -> None:
    """Wait for the lock of `file`, which goes when it is closed."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)


def _last_hash(file: IO[bytes], path: Path) -> str:
    """Hash of the last entry of an open ledger."""
    end, tail = file.seek(0, os.SEEK_END), b""
    while end > 0 and tail.count(b"\n") < 2:
        start = max(end - _BLOCK, 0)
        file.seek(start)
        tail, end = file.read(end - start) + tail, start
    if not tail:
        return GENESIS
    last = tail.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        return str(json.loads(last)["hash"])
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"ledger {path}: the last line is not an entry ({error})") from error


def verify(path: str | Path) -> str:
    """Check the chain of a ledger file; give the hash of its last entry.

    Raises
    ------
    LedgerError
        Naming the first line that is malformed, changed or out of order.
    """
    head = GENESIS
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            stored = json.loads(line)
            previous, digest = stored.pop("previous"), stored.pop("hash")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise LedgerError(f"ledger {path}, line {number}: not an entry ({error})") from error
        if previous != head or digest != _digest(previous, stored):
            raise LedgerError(f"ledger {path}, line {number}: the hash chain is broken here")
        head = digest
    return head
