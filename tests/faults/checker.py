"""What was promised against what is there: counts of what is lost, doubled and misordered, from the log and the stores.

Shares no code with the processors. `Lacking` says what is still on its way, and is empty when all has arrived.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from gateway.demo.pager import Pager
from tests.faults.load import Kept
from tests.faults.probe import LogProbe

SAMPLES = 5
ORDERED = "actions.ordered"


@dataclass
class Verdict:
    """What is wrong, in numbers and in a few examples."""

    lost: int = 0
    doubled: int = 0
    misordered: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing is."""
        return not (self.lost or self.doubled or self.misordered or self.examples)

    def less(self, before: Verdict) -> Verdict:
        """What came since `before`; a wrong is counted for the fault at which it was seen first."""
        return Verdict(
            max(0, self.lost - before.lost),
            max(0, self.doubled - before.doubled),
            max(0, self.misordered - before.misordered),
            [e for e in self.examples if e not in before.examples],
        )


class Checker:
    """Looks at everything again and again; rows of the timeline are read once each."""

    def __init__(self, dsn: str, tenant: str, kept: Kept, log: LogProbe, pager: Pager) -> None:
        self._dsn = dsn
        self._tenant = tenant
        self._kept = kept
        self._log = log
        self._pager = pager
        self._rows: Counter[str] = Counter()
        self._row_at: dict[tuple[str, int, int], str] = {}
        self._next: dict[int, int] = {}
        # Accepted and not seen everywhere; and how many of the accepted were looked at.
        self._open: set[str] = set()
        self._looked = 0

    def lacking(self) -> list[str]:
        """What has been promised and has not arrived yet, of all that is accepted now. Raises psycopg.Error."""
        accepted = self._kept.accepted_at
        self._open |= {one for _, one in accepted[self._looked :]}
        self._looked = len(accepted)
        with self._connect() as connection:
            self._read_rows(connection)
            missing = [f"{found} {what} of {sent}" for what, found, sent in self._sums(connection) if found < sent]
        self._open = {one for one in self._open if not self._arrived(one)}
        if self._open:
            missing.append(f"{len(self._open)} accepted actions are not everywhere: {sorted(self._open)[:SAMPLES]}")
        open_pages = [p for p, answers in self._pages().items() if not answers["over"]]
        if open_pages:
            missing.append(f"{len(open_pages)} pages have no outcome: {open_pages[:SAMPLES]}")
        return missing

    def _arrived(self, one: str) -> bool:
        return one in self._rows and all(one in seen for seen in self._log.ids.values())

    def verdict(self) -> Verdict:
        """What is wrong for good: to be asked when nothing is lacking any more, or the wait for it is over."""
        out = Verdict()
        self._lost(out)
        self._doubled(out)
        unflagged = self._log.inverted - self._log.flagged
        out.misordered = len(unflagged)
        if unflagged:
            out.examples.append(f"out of order and not flagged: {sorted(unflagged)[:SAMPLES]}")
        for problem in self._pager.refused[:SAMPLES]:
            out.examples.append(f"the receiver refused a page: {problem}")
        out.examples += [f"a wrong answer: {text}" for text in self._kept.wrong[:SAMPLES]]
        return out

    def log_verdict(self) -> Verdict:
        """What can be said while a processor stands: receipts are true, and nothing is on the log twice."""
        false = [one for one, place in self._kept.places.items() if self._log.at.get(place) != one]
        twice = self._twice()
        examples = [f"receipts for what is not on the log: {false[:SAMPLES]}"] if false else []
        examples += [f"twice: {sorted(twice)[:SAMPLES]}"] if twice else []
        return Verdict(len(false), len(twice), len(self._log.inverted - self._log.flagged), examples)

    def _twice(self) -> set[str]:
        topics = (self._log.ids[topic] for topic in ("actions.unique", ORDERED))
        return {one for counts in topics for one, times in counts.items() if times > 1}

    def _lost(self, out: Verdict) -> None:
        accepted = self._kept.places
        gone = {one for one in accepted for seen in self._log.ids.values() if one not in seen}
        gone |= {one for one in accepted if one not in self._rows}
        # A receipt names a place on the log: there must be this action.
        false = [one for one, place in accepted.items() if self._log.at.get(place) != one]
        dead = self._log.counts["dead.letters"]
        out.lost = len(gone) + len(false) + dead
        if gone:
            out.examples.append(f"lost: {sorted(gone)[:SAMPLES]}")
        if false:
            out.examples.append(f"receipts for what is not on the log: {false[:SAMPLES]}")
        if dead:
            out.examples.append(f"{dead} dead letters")
        asked = self._pages()
        unknown = [p for p, answers in asked.items() if answers["delivered"] and p not in self._pager.acted]
        if unknown:
            out.examples.append(f"said to be delivered, and nobody got it: {unknown[:SAMPLES]}")
            out.lost += len(unknown)

    def _doubled(self, out: Verdict) -> None:
        twice = self._twice()
        twice |= {one for one, times in self._rows.items() if times > 1}
        # What the timeline has at a place must be what the log has there.
        other = [place for place, one in self._row_at.items() if self._log.at.get(place, one) != one]
        # The fallback contact of a policy that is over may be somebody who was paged before, for another reason.
        said = ("incident_id", "person", "step", "round", "why")
        steps = Counter(tuple(page[name] for name in said) for page in self._asked().values())
        paged = [step for step, times in steps.items() if times > 1]
        out.doubled = len(twice) + len(other) + len(paged)
        if twice or other or paged:
            out.examples.append(f"twice: {sorted(twice)[:SAMPLES]} {other[:SAMPLES]} {paged[:SAMPLES]}")
        with self._connect() as connection:
            self._archived(connection, out)
            for what, found, expected in self._sums(connection):
                if found > expected:
                    out.doubled += found - expected
                    out.examples.append(f"{found} {what}, {expected} were sent")
                elif found < expected:
                    out.lost += expected - found
                    out.examples.append(f"{found} {what}, {expected} were sent")

    def _archived(self, connection: psycopg.Connection[Any], out: Verdict) -> None:
        """Ranges of a place touch, and files hold as many records as the log has there."""
        query = 'select topic, partition, start, "end", records from archive_manifest order by 1, 2, 3'
        ends: dict[tuple[str, int], int] = {}
        for topic, partition, start, end, records in connection.execute(query.encode()).fetchall():
            stood = ends.get((topic, partition), start)
            ends[topic, partition] = end
            there = (
                sum((topic, partition, at) in self._log.at for at in range(start, end)) if topic == ORDERED else records
            )
            out.lost += max(0, start - stood) + max(0, there - records)
            out.doubled += max(0, stood - start) + max(0, records - there)
            if start != stood or records != there:
                out.examples.append(f"archive: {topic}[{partition}] {start}-{end} after {stood}: {records} of {there}")

    def _sums(self, connection: psycopg.Connection[Any]) -> list[tuple[str, int, int]]:
        def one(query: str) -> int:
            row = connection.execute(query.encode(), (self._tenant,)).fetchone()
            return int(row[0] or 0) if row else 0

        return [
            (
                "failures are counted in incidents",
                one("select sum(failures) from incidents where tenant = %s"),
                len(self._kept.failures),
            ),
            (
                "entries are in the ledger",
                one("select count(*) from ledger_entries where tenant = %s"),
                len(self._kept.effects),
            ),
        ]

    def _read_rows(self, connection: psycopg.Connection[Any]) -> None:
        query = (
            'select partition, "offset", event_id::text from timeline where tenant = %s and topic = %s'
            ' and partition = %s and "offset" >= %s order by "offset"'
        )
        for partition in range(4):
            low = self._next.get(partition, 0)
            for _, offset, one in connection.execute(query.encode(), (self._tenant, ORDERED, partition, low)):
                self._rows[one] += 1
                self._row_at[ORDERED, partition, offset] = one
                self._next[partition] = offset + 1

    def recount(self) -> None:
        """Read the whole timeline again: rows that came behind what was read already would not have been seen."""
        self._rows.clear()
        self._row_at.clear()
        self._next.clear()
        with self._connect() as connection:
            self._read_rows(connection)

    def paged(self, step: int) -> set[bytes]:
        """Incidents whose policy has come to this step."""
        return {page["incident_id"] for page in self._asked().values() if page["step"] == step}

    def _asked(self) -> dict[str, dict[str, Any]]:
        found = self._log.messages["notifications.events"]
        asked = (m for m in list(found) if m["message"] == "PageRequested" and m["tenant"] == self._tenant)
        return {str(UUID(bytes=m["notification_id"])): m for m in asked}

    def _pages(self) -> dict[str, dict[str, bool]]:
        pages = {one: {"over": False, "delivered": False} for one in self._asked()}
        for said in list(self._log.messages["notifications.events"]):
            one = str(UUID(bytes=said["notification_id"])) if "notification_id" in said else ""
            if one not in pages:
                continue
            delivered = said["message"] == "PageDelivered"
            pages[one]["delivered"] |= delivered
            pages[one]["over"] |= delivered or said.get("next") in ("next_channel", "next_step", "given_up")
        return pages

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._dsn, autocommit=True, connect_timeout=60)
