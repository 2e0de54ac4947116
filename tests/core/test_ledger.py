"""The ledger: entries in order, a file whose chain shows every change."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

import fsci
from fsci.core.errors import LedgerError
from fsci.core.ledger import GENESIS, Ledger, verify


def _written(path, count=5):
    ledger = Ledger(str(path))
    for i in range(count):
        ledger.record("escalation", "linalg.solve", step=i, error=np.float64(1e-3), sizes=np.arange(2))
    return ledger


def test_entries_are_kept_in_order():
    ledger = Ledger()
    ledger.record("override", "linalg.solve", kernel="lu")
    ledger.record("handover", "linalg.sqrtm", reason="not implemented by fsci")
    assert [e.event for e in ledger] == ["override", "handover"]
    assert len(ledger) == 2
    assert next(iter(ledger)).facts == {"kernel": "lu"}
    ledger.clear()
    assert len(ledger) == 0


def test_a_file_is_a_chain_from_genesis(tmp_path):
    path = tmp_path / "book" / "ledger.jsonl"
    _written(path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["previous"] == GENESIS
    assert all(after["previous"] == before["hash"] for before, after in itertools.pairwise(lines))
    assert verify(path) == lines[-1]["hash"]
    assert lines[3]["facts"] == {"step": 3, "error": 1e-3, "sizes": [0, 1]}


def test_it_is_continued_after_a_restart(tmp_path):
    path = tmp_path / "ledger.jsonl"
    _written(path)
    before = verify(path)
    _written(path, 2)
    lines = path.read_text().splitlines()
    assert len(lines) == 7
    assert json.loads(lines[5])["previous"] == before
    verify(path)


@pytest.mark.parametrize("damage", ["change", "remove", "swap", "insert", "forge"])
def test_damage_is_found_and_named(tmp_path, damage):
    path = tmp_path / "ledger.jsonl"
    _written(path)
    lines = path.read_text().splitlines()
    expected = 2
    if damage == "change":
        lines[1] = lines[1].replace('"step": 1', '"step": 7')
    elif damage == "remove":
        del lines[1]
    elif damage == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif damage == "insert":
        lines.insert(1, lines[0])
    else:  # a change with a fresh hash breaks at the next line, which names the old one
        from fsci.core.ledger import _digest

        body = json.loads(lines[1])
        body["facts"]["step"] = 7
        previous = body.pop("previous")
        body.pop("hash")
        lines[1] = json.dumps({"previous": previous, "hash": _digest(previous, body), **body}, sort_keys=True)
        expected = 3
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LedgerError, match=f"line {expected}"):
        verify(path)
    with pytest.raises(LedgerError, match=f"line {expected}"):
        Ledger(str(path))


@pytest.mark.parametrize("line", ["not json", "[1, 2]", '{"event": "x"}', "", '{"previous": 1}'])
def test_what_is_no_entry_is_refused(tmp_path, line):
    path = tmp_path / "ledger.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(LedgerError, match="line 1"):
        verify(path)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(LedgerError, match="cannot be written"):
        Ledger(str(blocked / "ledger.jsonl"))


def test_threads_write_one_unbroken_chain(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(str(path))

    def write():
        for _ in range(10):
            ledger.record("escalation", "linalg.solve")

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(path.read_text().splitlines()) == 40
    verify(path)


def test_processes_write_one_unbroken_chain(tmp_path):
    path = tmp_path / "shared.jsonl"
    code = (
        "import sys; from fsci.core.ledger import Ledger\n"
        "ledger = Ledger(sys.argv[1])\n"
        "for i in range(20): ledger.record('escalation', 'linalg.solve', who=sys.argv[2], step=i)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), str(i)]) for i in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    verify(path)
    entries = [json.loads(line)["facts"] for line in path.read_text().splitlines()]
    assert sorted((e["who"], e["step"]) for e in entries) == [(str(w), i) for w in range(3) for i in range(20)]


def test_nothing_is_appended_to_a_torn_line(tmp_path):
    path = tmp_path / "torn.jsonl"
    ledger = _written(path)
    with path.open("a") as file:
        file.write('{"event": "esc')
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="last line"):
        ledger.record("escalation", "linalg.solve")
    assert path.read_bytes() == before


def test_a_long_last_line_is_found(tmp_path):
    path = tmp_path / "long.jsonl"
    ledger = Ledger(str(path))
    ledger.record("decision", "linalg.solve", text="x" * 300_000)
    ledger.record("decision", "linalg.solve", text="y" * 200_000)
    ledger.record("escalation", "linalg.solve")
    verify(path)


def test_memory_is_bounded():
    ledger = Ledger()
    for i in range(10_050):
        ledger.record("handover", "linalg.sqrtm", number=i)
    assert len(ledger) == 10_000
    assert next(iter(ledger)).facts["number"] == 50


def test_an_override_is_audited():
    with fsci.policy(overrides={"linear_system": "lu"}):
        fsci.linalg.solve(np.eye(60) + 1.0, np.ones(60))
        entries = [e for e in fsci.ledger() if e.event == "override"]
    assert entries
    assert entries[0].function == "linalg.solve"
    assert entries[0].facts["kernel"] == "lu"


def test_ordinary_decisions_are_written_on_request(tmp_path):
    path = tmp_path / "all.jsonl"
    with fsci.policy(record_all=True, ledger=str(path)):
        fsci.linalg.solve(np.array([[2.0, 1.0], [1.0, 3.0]]), np.ones(2))
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    decisions = [e for e in entries if e["event"] == "decision"]
    assert decisions
    assert decisions[0]["facts"]["problem"]["operands"] == [[2, 2], [2]]
    assert "1.0" not in json.dumps(decisions[0]["facts"]["problem"])  # shapes, never data
    verify(path)
