"""Accounts by sets: what was accepted lies in the timeline, among the dropped, or among the dead letters.
Pure.

A receipt is one written record: its coordinates name it, its event id names the action. A record whose answer
got lost (a gateway killed between the broker's acknowledgement and its own) has no receipt; the agent sent
the action again, so it shows as a drop or a row too many, and only for actions that were sent again it counts
as accepted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Coordinates = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Accepted:
    """One receipt; `event_id` None for what is no action (the rubbish)."""

    event_id: str | None
    at: Coordinates


@dataclass(frozen=True, slots=True)
class Accounts:
    """accepted = timeline_rows + dropped + dead_letters whenever `unaccounted` is empty."""

    accepted: int
    timeline_rows: int
    dropped: Mapping[str, int]
    dead_letters: int
    unaccounted: tuple[str, ...]


def settle(
    receipts: Sequence[Accepted],
    rows: Collection[str],
    drops: Mapping[Coordinates, str],
    dead: Collection[Coordinates],
    sent_again: Collection[str],
    batch: Collection[str],
) -> Accounts:
    """`rows`: event ids in the timeline; `drops`: coordinates -> event id; `dead`: coordinates of dead
    letters.

    `sent_again`: ids of actions that were sent again because no answer came; `batch`: ids that were sent
    twice on purpose (their one drop each is `redelivered`; a drop for a lost answer is `answer_lost`).
    """
    missing: list[str] = []
    in_row: Counter[str] = Counter()
    for receipt in receipts:
        if receipt.at in drops or receipt.at in dead:
            continue
        if receipt.event_id is not None and receipt.event_id in rows and not in_row[receipt.event_id]:
            in_row[receipt.event_id] += 1
        else:
            missing.append(receipt.event_id or "-".join(str(part) for part in receipt.at))
    known = {receipt.at for receipt in receipts}
    without = [event_id for event_id in sorted(rows) if not in_row[event_id]]
    without += [event_id for at, event_id in sorted(drops.items()) if at not in known]
    without += ["-".join(str(part) for part in at) for at in sorted(dead) if at not in known]
    answer_lost = [event_id for event_id in without if event_id in sent_again]
    surplus = [event_id for event_id in without if event_id not in sent_again]
    return Accounts(
        accepted=len(receipts) + len(answer_lost),
        timeline_rows=len(rows),
        dropped=_reasons(drops, sent_again, batch),
        dead_letters=len(dead),
        unaccounted=tuple(missing + surplus),
    )


def _reasons(drops: Mapping[Coordinates, str], sent_again: Collection[str], batch: Collection[str]) -> dict[str, int]:
    out = {"redelivered": 0}
    meant = set(batch)
    for _, event_id in sorted(drops.items()):
        if event_id in meant:
            meant.discard(event_id)
            out["redelivered"] += 1
        elif event_id in sent_again:
            out["answer_lost"] = out.get("answer_lost", 0) + 1
        else:
            out["redelivered"] += 1
    return out
