"""How well fingerprints tell faults apart, in pairs, over messages as Python, Java, HTTP, SQL and AWS write them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from processors.signals.rules import fingerprint

# Each line is a fault: its type, and messages that differ only in what differs from case to case.
FAULTS = [line.split("\t") for line in (Path(__file__).parent / "faults.tsv").read_text().splitlines()]


def test_messages_of_a_fault_meet_and_those_of_two_do_not() -> None:
    told = [(n, fingerprint(kind, text)) for n, (kind, *texts) in enumerate(FAULTS) for text in texts]
    pairs = [(a, b) for a, b in combinations(told, 2)]
    missed = [FAULTS[a[0]][0] for a, b in pairs if a[0] == b[0] and a[1] != b[1]]
    mixed = [(FAULTS[a[0]], FAULTS[b[0]]) for a, b in pairs if a[0] != b[0] and a[1] == b[1]]
    alike = sum(a[0] == b[0] for a, b in pairs)
    met = alike - len(missed)
    precision, recall = met / (met + len(mixed)), met / alike
    assert (precision, recall) == (1.0, 1.0), (missed, mixed)
