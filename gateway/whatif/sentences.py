"""The differences as sentences for people, each with why: the processors' own reasons. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from gateway.whatif.answer import Answer
from gateway.whatif.compare import MovedPage, Pair
from gateway.whatif.seen import Case, Incident, Page, Seen
from schemas.configuration import Escalation, parse_document
from schemas.envelope import rfc3339
from schemas.ids import Id

WHY_MAX = 4  # reasons of one difference: more is not read
PAGES_MAX = 4  # pages of one incident told one by one

# Reasons of processors in words; what is not here is shown as it is.
_WORDS = {
    "signals: held_for_retry": "held, because another try was to be expected",
    "signals: healed_by_retry": "healed by the next try",
    "signals: not_retryable": "a signal at once, because no other try was to be expected",
    "signals: retry_window_ended": "a signal, because no try came within the retry window",
    "signals: last_try_failed": "a signal, because the last try failed",
    "incidents: attached": "attached to an open incident",
    "incidents: opened": "opened an incident",
    "incidents: already_attached": "already attached",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One difference. `tone` is a colour of the pages (green, red, amber, blue, violet); `at` its time (ms)."""

    kind: str
    tone: str
    label: str
    text: str
    why: tuple[str, ...]
    at: int


def sentences(answer: Answer) -> list[Sentence]:
    """Every difference: what is lost first, then what is gained, then by time."""
    found = answer.found
    out = [_lost(answer, p) for p in found.lost] + [_gained(answer, p) for p in found.gained]
    out += [_regrouped(answer, p) for p in found.regrouped]
    out += [_moved(answer, m) for m in found.pages_moved]
    out += _folded(answer, found.pages_removed, _removed, found.named, "would not have come")
    out += _folded(answer, found.pages_added, _added, found.named_after, "would have come besides")
    out += [_case(c, lost=True) for c in found.cases_lost] + [_case(c, lost=False) for c in found.cases_gained]
    for u in answer.unmatched:
        label = found.named.get(u.incident_id, "?")
        text = f"{u.by}'s {_verb(u.command)} finds no incident and is left out"
        why = ("no incident of the what-if holds an event that this one held at that moment",)
        out.append(Sentence("unmatched", "amber", label, text, why, u.at))
    return out


def length(ms: int) -> str:
    """A duration in words: 4 s, 2 min 30 s, 0.3 s."""
    ms = abs(ms)
    if ms < 10_000 and ms % 1000:
        return f"{ms / 1000:.1f} s"
    whole = (ms + 500) // 1000
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    parts.append(f"{seconds} s" if seconds or whole < 60 else "")
    return " ".join(p for p in parts if p)


def clock(ms: int) -> str:
    """The time of day (UTC)."""
    return rfc3339(ms)[11:19]


def _lost(answer: Answer, pair: Pair) -> Sentence:
    assert pair.before is not None  # lost: it was there before
    was = pair.before
    text = f"would not have opened: {was.title}"
    why = _fate(answer, sorted(was.within(answer.window.start, answer.window.end)))
    return Sentence("incident lost", "red", pair.label, text, why, was.opened_at)


def _gained(answer: Answer, pair: Pair) -> Sentence:
    assert pair.after is not None  # gained: it is there after
    new = pair.after
    text = f"would have opened at {clock(new.opened_at)}: {new.title} on {new.resource}"
    return Sentence("incident gained", "blue", pair.label, text, new.reasons[:WHY_MAX], new.opened_at)


def _regrouped(answer: Answer, pair: Pair) -> Sentence:
    assert pair.before is not None  # regrouped: both sides are there
    assert pair.after is not None
    window = answer.window
    old = pair.before.within(window.start, window.end)
    new = pair.after.within(window.start, window.end)
    text = f"would have held {len(new)} events instead of {len(old)}"
    why = []
    for holder, count in _holders(answer, old - new).most_common(WHY_MAX):
        why.append(f"{count} of its events would be in {holder}")
    joined = len(new - old)
    if joined:
        why.append(f"{joined} events of others would be in it")
    others = [p.after for p in answer.found.pairs if p.after is not None and p is not pair]
    why += [r for o in others if old & o.within(window.start, window.end) for r in o.reasons[:1]][:WHY_MAX]
    return Sentence("incident regrouped", "amber", pair.label, text, tuple(why), pair.after.opened_at)


def _holders(answer: Answer, events: Iterable[Id]) -> Counter[str]:
    of: Counter[str] = Counter()
    tenants = {i.tenant for i in answer.before.incidents.values()}
    for event in sorted(events):
        holders = [h for t in sorted(tenants) if (h := answer.after.holder(t, event)) is not None]
        of[answer.found.named_after.get(holders[0], "another incident") if holders else "no incident"] += 1
    return of


def _fate(answer: Answer, events: list[Id]) -> tuple[str, ...]:
    """What became of the events of an incident that is no more, in the what-if's processors' own reasons."""
    fates: Counter[str] = Counter()
    for event in events:
        reasons = answer.result.after.why.of_event.get(event, ["it did not reach the processor of incidents"])
        fates[", then ".join(_in_words(r) for r in reasons)] += 1
    total = len(events)
    return tuple(f"{count} of {total} events: {fate}" for fate, count in fates.most_common(WHY_MAX))


def _in_words(reason: str) -> str:
    return _WORDS.get(reason, reason)


def _moved(answer: Answer, moved: MovedPage) -> Sentence:
    label = answer.found.named_after.get(moved.after.incident_id, "")
    before, after = moved.before, moved.after
    by = moved.by_ms
    when = f"{length(by)} {'earlier' if by < 0 else 'later'}" if by else "at the same time"
    how = "" if before.channel == after.channel else f", by {after.channel} instead of {before.channel}"
    text = f"{after.person} would have been paged {when}{how}: {clock(after.at)} instead of {clock(before.at)}"
    why = [*_waits(answer, label, after), *_policy_reasons(answer, before, after)]
    if before.step != after.step:
        why.append(f"step {after.step} instead of step {before.step}")
    why.append(f"decided by notifications: {', '.join(after.reasons)}")
    tone = "green" if by < 0 else "amber"
    return Sentence("page moved", tone, label, text, tuple(why[:WHY_MAX]), after.at)


def _added(answer: Answer, page: Page) -> Sentence:
    label = answer.found.named_after.get(page.incident_id, "")
    text = f"{page.person} would have been paged at {clock(page.at)} by {page.channel} (step {page.step})"
    incident = answer.after.incidents.get(page.incident_id)
    why = [reason for _, reason in (incident.policies if incident else [])[-1:]]
    why += _waits(answer, label, page)
    why.append(f"decided by notifications: {', '.join(page.reasons)}")
    return Sentence("page added", "amber", label, text, tuple(why[:WHY_MAX]), page.at)


def _removed(answer: Answer, page: Page) -> Sentence:
    label = answer.found.named.get(page.incident_id, "")
    text = f"{page.person} would not have been paged at {clock(page.at)} by {page.channel} (step {page.step})"
    pair = next((p for p in answer.found.pairs if p.label == label), None)
    incident = pair.after if pair is not None else None
    if incident is None:
        why = [f"{label} would not have opened"]
    else:
        why = [reason for _, reason in incident.policies[-1:]]
        why += [f"stopped at {clock(at)}: {what}" for at, what in incident.stopped[-1:]]
    return Sentence("page removed", "blue", label, text, tuple(why[:WHY_MAX]), page.at)


def _folded(
    answer: Answer,
    pages: list[Page],
    say: Callable[[Answer, Page], Sentence],
    named: Mapping[Id, str],
    words: str,
) -> list[Sentence]:
    """One sentence a page; of an incident with many pages the first ones, and one for all that follow."""
    of: dict[str, list[Page]] = {}
    for page in pages:
        of.setdefault(named.get(page.incident_id, ""), []).append(page)
    out = []
    for label, listed in of.items():
        shown = listed if len(listed) <= PAGES_MAX else listed[: PAGES_MAX - 1]
        told = [say(answer, page) for page in shown]
        rest = listed[len(shown) :]
        if rest:
            people = ", ".join(f"{who} {n}" for who, n in Counter(p.person for p in rest).most_common())
            text = f"{len(rest)} more pages {words} until {clock(rest[-1].at)}: {people}"
            told.append(Sentence(told[0].kind, told[0].tone, label, text, told[-1].why, rest[0].at))
        out += told
    return out


def _policy_reasons(answer: Answer, before: Page, after: Page) -> list[str]:
    old = _policies(answer.before, before)
    new = _policies(answer.after, after)
    return [reason for _, reason in new[-1:]] if old != new else []


def _policies(seen: Seen, page: Page) -> list[tuple[str, str]]:
    incident: Incident | None = seen.incidents.get(page.incident_id)
    return incident.policies if incident is not None else []


def _waits(answer: Answer, label: str, page: Page) -> list[str]:
    """Waits of the steps before this page's that the changed settings make longer or shorter."""
    body = answer.result.question.changes.get(page.tenant, {}).get("escalation")
    incident = answer.after.incidents.get(page.incident_id)
    if body is None or incident is None or not incident.policies:
        return []
    recorded = answer.result.recorded_documents.get(page.tenant, {}).get("escalation", b"{}")
    name = incident.policies[-1][0]
    old = cast(Escalation, parse_document("escalation", recorded)).policy(name)
    new = cast(Escalation, parse_document("escalation", body)).policy(name)
    if new is None or old is None:
        return []
    out = []
    for one, other in zip(old.steps[: page.step - 1], new.steps[: page.step - 1], strict=False):
        if one.person == other.person and one.wait_s != other.wait_s:
            out.append(
                f"{other.person} has {length(other.wait_s * 1000)} to answer instead of {length(one.wait_s * 1000)}"
            )
    return out


def _case(case: Case, *, lost: bool) -> Sentence:
    if lost:
        text = f"the {case.world} case would not have opened: {case.resource}"
        return Sentence(
            "case lost", "red", f"CASE-{case.number}", text, (f"it was opened because {case.why}",), case.at
        )
    text = f"a {case.world} case would have opened on {case.resource}"
    return Sentence("case gained", "violet", f"CASE-{case.number}", text, (case.why,), case.at)


def _verb(command: str) -> str:
    return {
        "AcknowledgeIncident": "acknowledgement",
        "ResolveIncident": "resolution",
        "AssignIncident": "assignment",
        "ContainIncident": "containment",
        "ReopenIncident": "reopening",
        "CloseIncident": "closing",
        "ChangeSeverity": "change of severity",
    }.get(command, command)
