"""Pure: how large a case is, from the entries of the ledger that it names, and from nothing else.

Size decides who leads, never which world it is. It is the largest of three: parties, money, time. Limits are the
defaults of RML 2.2 (its anchors: one customer and a small mistaken charge is small); who has not counted says unknown,
so a party that nobody named counts as many. Money in a currency without limits, or no money at all, is not known: then
there is no size, and the reason is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from projections.plain import Json, time_text

SIZES = ("small", "medium", "large")
# Parties: up to 10 are small, up to 100,000 medium.
PARTIES = (10, 100_000)
# In minor units, up to 1,000 and up to 100,000. No rate of exchange is on the log, so one currency has limits.
MONEY: Mapping[str, tuple[int, int]] = {"EUR": (100_000, 10_000_000)}
# From seven days on between its first and its last movement a case is medium; time alone makes none large.
LONG_MS = 7 * 86_400_000

# Of cases `c`, over all entries that each names.
OF_CASES = """
cross join lateral (
  select count(distinct l.counterparty) as parties, count(*) filter (where l.counterparty is null) as unnamed,
         min(l.event_time) as first_at, max(l.event_time) as last_at
    from case_entries n join ledger_entries l on l.tenant = n.tenant and l.number = n.number
   where n.tenant = c.tenant and n.case_id = c.case_id) s
"""


def sized(row: Mapping[str, Any]) -> Json:
    """{size: small | medium | large or null, size_why: one sentence, summary: {parties, amount, first_at, last_at}}.

    `parties` is null when an entry names nobody. `amount` is what is in question, whole minor units as text in the
    case's currency: of a suspected second charge all movements but one, else the movement; null without an amount.
    """
    parties = None if row["unnamed"] or not row["entries_count"] else int(row["parties"])
    amount = _in_question(row)
    summary = {
        "parties": parties,
        "amount": None if amount is None else str(amount),
        "first_at": time_text(row["first_at"]),
        "last_at": time_text(row["last_at"]),
    }
    size, why = _size(row, parties, amount)
    return {"size": size, "size_why": why, "summary": summary}


def _in_question(row: Mapping[str, Any]) -> int | None:
    try:
        each = abs(int(row["amount"]))
    except (TypeError, ValueError):  # none, or an amount that is no number
        return None
    return each * max(1, int(row["entries_count"]) - 1) if row["reason"] == "second_charge" else each


def _size(row: Mapping[str, Any], parties: int | None, amount: int | None) -> tuple[str | None, str]:
    if not row["entries_count"]:
        return None, "Not known: it names no entry of the ledger, so nothing was measured."
    if amount is None:
        return None, "Not known: no amount of money is told."
    currency = row["currency"]
    if currency not in MONEY:
        return None, f"Not known: no limits are set for {currency or 'an amount without a currency'}."
    scope = 1 if parties is None else _above(parties, PARTIES)
    money = _above(amount, MONEY[currency])
    long = int(row["last_at"] - row["first_at"] >= LONG_MS)
    who = "nobody says how many parties" if parties is None else f"{parties} {'party' if parties == 1 else 'parties'}"
    time = "over seven days or more" if long else "within seven days"
    return SIZES[max(scope, money, long)], f"{who}, {amount} {currency} (minor units) in question, {time}."


def _above(value: int, limits: tuple[int, int]) -> int:
    return sum(value > limit for limit in limits)
