"""What came of the story, as `mandate demo --json` prints it, and whether it is what must always come out.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.demo import shop, story
from gateway.demo.accounts import Accounts

Json = dict[str, Any]
CAUSE = f"deploy of payments-service {story.BROKEN}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything read back at the end. `batch_dropped`: how many actions were sent twice on purpose."""

    tenant: str
    accounts: Accounts
    incidents: Sequence[Mapping[str, Any]]
    pages: Sequence[Mapping[str, Any]]
    summary: Mapping[str, Any]
    cases: Sequence[Mapping[str, Any]]
    ledger: Sequence[Mapping[str, Any]]
    batch_dropped: int
    seconds: float

    def document(self) -> Json:
        """The result as data."""
        return {
            "tenant": self.tenant,
            "accepted": self.accounts.accepted,
            "timeline_rows": self.accounts.timeline_rows,
            "dropped": dict(self.accounts.dropped),
            "dead_letters": self.accounts.dead_letters,
            "unaccounted": len(self.accounts.unaccounted),
            "incidents": [
                {
                    "id": incident["id"],
                    "name": incident.get("name"),
                    "state": incident["state"],
                    "cause": incident.get("cause"),
                    "confidence": incident.get("confidence"),
                    "intervention": incident.get("intervention"),
                }
                for incident in self.incidents
            ],
            "pages": [
                {
                    "to": page["person"],
                    "channel": (page.get("channel") or {}).get("kind"),
                    "requested_at": page["requested_at"],
                    "outcome": page["outcome"],
                    "acknowledged_at": page.get("acknowledged_at"),
                }
                for page in self.pages
            ],
            "cases": [
                {
                    key: case[key]
                    for key in (
                        *("id", "name", "world", "size", "incident", "reason", "kind"),
                        *("counterparty", "amount", "currency"),
                    )
                }
                | {"entries": [entry["number"] for entry in case["entries"]]}
                for case in self.cases
            ],
            "told_again": len(told_again(self.ledger)),
            "healed_failures": self.summary.get("healed_failures"),
            "gaps_declared": (self.summary.get("gaps") or {}).get("declared"),
            "drift_alerts": self.summary.get("drift_alerts"),
            "seconds": round(self.seconds, 1),
        }

    def missing(self) -> list[str]:
        """What must always come out and did not, one sentence each; empty when the story went as written."""
        paged = sorted({str(page["person"]) for page in self.pages})
        acknowledged = [i for i in self.incidents if i.get("acknowledged_at")]
        seen: dict[str, tuple[object, object]] = {
            "incidents": (len(self.incidents), 1),
            "resolved incidents": (sum(i["state"] == "resolved" for i in self.incidents), 1),
            "people paged": (", ".join(paged), ", ".join(sorted((shop.ALICE, shop.BOB)))),
            "acknowledgements": (len(acknowledged), 1),
            "likely cause": (likely_cause(self.incidents), CAUSE),
            "alerts on the incident": ([int(i.get("alert_count") or 0) for i in self.incidents], [1]),
            "contained incidents": (sum(1 for i in self.incidents if i.get("contained_at")), 1),
            "gaps declared": ((self.summary.get("gaps") or {}).get("declared"), 1),
            "redelivered": (self.accounts.dropped.get("redelivered"), self.batch_dropped),
            "dead letters": (self.accounts.dead_letters, 1),
            "healed failures": (self.summary.get("healed_failures"), 1),
            "drift alerts": (self.summary.get("drift_alerts"), 1),
            "RML-3 cases": ([world(case) for case in self.cases], ["RML-3"]),
            "size of the case, and its incident": (
                [(case["size"], case["incident"]) for case in self.cases],
                [("small", incident.get("name")) for incident in self.incidents],
            ),
            "worlds of the incidents": ([i.get("world") for i in self.incidents], ["RML3"]),
            "entries of the case": ([len(case["entries"]) for case in self.cases], [2]),
            "movements told again": (len(told_again(self.ledger)), 1),
            "unaccounted": (len(self.accounts.unaccounted), 0),
        }
        return [f"{name}: {found}, expected {wanted}" for name, (found, wanted) in seen.items() if found != wanted]


def likely_cause(incidents: Sequence[Mapping[str, Any]]) -> str | None:
    """What is thought to have caused the (first) incident: "deploy of payments-service v2.3.1"; None without one."""
    cause = (incidents[0].get("cause") if incidents else None) or {}
    found = cause.get("candidate")
    return f"{found['kind']} of {found['resource']} {found['reference']['after']}" if found else None


def world(case: Mapping[str, Any]) -> str:
    """The world of a case as people say it: RML-3."""
    return str(case["world"]).replace("RML", "RML-")


def money(case: Mapping[str, Any]) -> str:
    """`49.00 EUR`. The demo's currency has two decimals."""
    units = int(case["amount"])
    return f"{units // 100}.{units % 100:02} {case['currency']}"


def told_again(ledger: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The entries of which somebody told more than once."""
    return [entry for entry in ledger if int(entry["observations"]) > 1]


def sentences(done: Outcome) -> list[str]:
    """What happened, in five sentences, from what was read back."""
    incident: Mapping[str, Any] = done.incidents[0] if done.incidents else {}
    paged = list(dict.fromkeys(str(page["person"]).capitalize() for page in done.pages))
    gaps, healed = (done.summary.get("gaps") or {}).get("declared"), done.summary.get("healed_failures")
    then = "".join(f", then {person}" for person in paged[1:])
    return [
        f"Twelve agents worked on a shop and {done.accounts.timeline_rows} of their actions are in the timeline.",
        f"{incident.get('failures')} of them failed alike on {incident.get('resource')}, and became "
        f"{len(done.incidents)} incident, {incident.get('name')} ({incident.get('severity')}); likely cause "
        f"({incident.get('confidence')}): {(incident.get('cause') or {}).get('said')}.",
        f"{paged[0] if paged else 'Nobody'} was paged{then}; {str(incident.get('assignee')).capitalize()} "
        f"acknowledged, nobody else was woken, and after the rollback it is {incident.get('state')}.",
        _charged_twice(done),
        f"Meanwhile {healed} failure healed by itself, {gaps} gap in a sequence was declared, "
        f"{done.accounts.dropped.get('redelivered')} redelivered actions were dropped and "
        f"{done.accounts.dead_letters} record could not be read: each is kept with its reason.",
    ]


def _charged_twice(done: Outcome) -> str:
    if not done.cases:
        return "Nobody was charged twice."
    case, again = done.cases[0], len(told_again(done.ledger))
    entries = " and ".join(str(entry["number"]) for entry in case["entries"])
    named = f"{case['name']} ({world(case)}, {case['size']})"
    return (
        f"{case['actor']} charged {case['counterparty']} {money(case)} again: {named} names "
        f"entries {entries} of the ledger; {again} refund that was told twice is one movement and no case."
    )


def in_control(incident: Mapping[str, Any]) -> str:
    """The measure of the whole product, in one sentence: how long until a human had it, and what happened
    meanwhile."""
    times = incident.get("intervention") or {}
    waited = seconds_between(times.get("first_failure_at"), times.get("acknowledged_at"))
    who = str(incident.get("assignee") or "nobody").capitalize()
    after = "an unmeasured time" if waited is None else f"{waited:.1f} s"
    return (
        f"{who} was in control {after} after the first failure; {incident.get('affected_count')} customers were hit "
        f"meanwhile, {times.get('affected_after_page')} after the first page."
    )


def seconds_between(first: Any, second: Any) -> float | None:
    """Seconds from one RFC 3339 time to another, or None where one is missing."""
    if not isinstance(first, str) or not isinstance(second, str):
        return None
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
