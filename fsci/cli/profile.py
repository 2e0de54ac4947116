"""The table that ``python -m fsci --profile`` ends with: calls by function and route, added up as they come."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import IO, SupportsIndex

import numpy as np

from fsci.cli.tables import duration, table
from fsci.core.render import number
from fsci.core.types import Certificate, Diagnosis

__all__ = ["CallTable"]

_WORST_FIRST = ("uncertified", "unexamined", "certified")


@dataclass(slots=True)
class Calls:
    """All calls of one function that took one route."""

    function: str
    route: str
    handover: str
    count: int = 0
    seconds: float = 0.0
    worst: tuple[int, float, Certificate] | None = None

    def add(self, diagnosis: Diagnosis) -> None:
        """Count one more call."""
        self.count += 1
        self.seconds += diagnosis.seconds
        certificate = diagnosis.certificate
        bound = float(np.max(certificate.forward_error, initial=0.0))
        rank = _WORST_FIRST.index(certificate.worst_verdict)
        if self.worst is None or (rank, -bound) < (self.worst[0], -self.worst[1]):
            self.worst = rank, bound, certificate

    def certificate(self) -> str:
        """The worst certificate of these calls, in words."""
        if self.worst is None or self.handover:
            return "unexamined"
        rank, bound, certificate = self.worst
        digits = int(np.min(certificate.digits, initial=324))
        shown = f"{digits} digits" if np.isfinite(bound) else f"backward error {number(certificate.backward_error)}"
        return f"{_WORST_FIRST[rank]}, {shown}"


class CallTable(list[Diagnosis]):
    """A listener that adds up what it hears, and keeps no array alive.

    It stands where a list of diagnoses is asked for, and stays empty itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str, str], Calls] = {}

    def append(self, diagnosis: Diagnosis, /) -> None:
        """Add one call."""
        key = diagnosis.function, diagnosis.route, diagnosis.handover
        with self._lock:
            self._calls.setdefault(key, Calls(*key)).add(diagnosis)

    def extend(self, diagnoses, /) -> None:  # type: ignore[no-untyped-def]
        """Add the calls that an inner `fsci.trace` collected."""
        for diagnosis in diagnoses:
            self.append(diagnosis)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: SupportsIndex | slice, /):  # type: ignore[no-untyped-def]
        raise IndexError("calls are added up here, not kept")

    @property
    def calls(self) -> list[Calls]:
        """Rows of the table, the longest time first."""
        with self._lock:
            return sorted(self._calls.values(), key=lambda row: -row.seconds)

    @property
    def handovers(self) -> list[Calls]:
        """The rows of calls that were left to SciPy."""
        return [row for row in self.calls if row.handover]

    def show(self, stream: IO[str]) -> None:
        """Write the table."""
        columns = ("function", ">calls", "route", ">time", "worst certificate", "handed to SciPy because")
        rows = [
            (row.function, str(row.count), row.route, duration(row.seconds), row.certificate(), row.handover)
            for row in self.calls
        ]
        note = "Times hold the certificates that a profile asks for; calls inside a call count in both."
        table("fsci profile", columns, rows, notes=[note] if rows else ["No call reached fsci."], stream=stream)
