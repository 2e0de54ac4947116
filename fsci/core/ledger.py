"""The ledger: escalations, repairs, refusals, overrides, transfers and hand-overs, in order.

In memory by default (the newest entries); on request an append-only JSONL file
in which each entry carries the hash of the one before it (Haber and Stornetta,
1991), so that a change or a removal in the middle is found.
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
from typing import Any

from fsci.core.errors import LedgerError
from fsci.core.render import plain

__all__ = ["Entry", "Ledger", "verify"]

GENESIS = "0" * 64
_KEPT = 10_000  # entries kept in memory


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
        self._head = GENESIS if self.path is None else _prepare(self.path)

    def record(self, event: str, function: str, **facts: Any) -> None:
        """Append one entry."""
        entry = Entry(event, function, facts)
        with self._lock:
            self._entries.append(entry)
            if self.path is not None:
                body = entry.to_dict()
                digest = _digest(self._head, body)
                line = json.dumps({"previous": self._head, "hash": digest, **body}, sort_keys=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                self._head = digest

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        """Forget the entries in memory; a file is never shortened."""
        with self._lock:
            self._entries.clear()


def _prepare(path: Path) -> str:
    """Verify `path`, or see that it can be made; give the hash of its last entry."""
    if path.is_file():
        return verify(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise LedgerError(f"ledger {path}: cannot be written ({error.strerror})") from error
    return GENESIS


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
