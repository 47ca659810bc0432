"""An incident's timeline as people read it: told in groups, without echoes, with what came late marked. Pure.

Entries are those of GET /v1/incidents/{incident}/timeline. Nothing is left out: an echo (a page that was delivered, the
state that went with an answer) joins the line that it belongs to, and a run of failures is one line with its number.
"""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup, escape

from gateway.web.words import between, clock, count, span
from projections.incidents.groups import group_of

Json = dict[str, Any]

GROUPS = {"all": "All", "action": "Actions", "notification": "Notifications", "human": "Human responses"}
# What an entry looks like, by event type; anything else is quiet. In which group it is told: projections' groups.py.
_LOOKS = {
    "IncidentOpened": ("red", "warn"),
    "SignalAttached": ("red", "warn"),
    "SeverityRaised": ("red", "up"),
    "ChangeRecorded": ("grey", "bot"),
    "IncidentPaged": ("amber", "bell"),
    "EscalationStarted": ("amber", "bell"),
    "PageRequested": ("amber", "bell"),
    "NoticeRequested": ("amber", "bell"),
    "PageDelivered": ("amber", "check"),
    "PageFailed": ("red", "x"),
    "EscalationStopped": ("green", "check"),
    "EscalationExhausted": ("red", "bell"),
    "IncidentAcknowledged": ("blue", "user"),
    "IncidentStateChanged": ("blue", "user"),
    "IncidentAssigned": ("blue", "user"),
    "IncidentContained": ("green", "shield"),
    "IncidentResolved": ("green", "check"),
    "IncidentReopened": ("amber", "undo"),
    "IncidentClosed": ("grey", "check"),
    "SeverityChanged": ("blue", "up"),
    "ReportAttached": ("red", "user"),
    "AlertAttached": ("red", "bell"),
    "AlertResolved": ("green", "check"),
    "CauseSuggested": ("blue", "search"),
    "CommandRefused": ("grey", "x"),
    "FalseAlarmMarked": ("grey", "x"),
    "PostmortemStarted": ("grey", "pen"),
    "AutomaticMoveHeld": ("violet", "rml3"),
    "IncidentEscalated": ("red", "bell"),
    "ParticipantJoined": ("blue", "user"),
    "ParticipantLeft": ("grey", "user"),
    "IncidentMuted": ("grey", "user"),
    "IncidentHandedOff": ("blue", "user"),
    "RollbackRequested": ("blue", "undo"),
    "CommunicationReleased": ("blue", "bell"),
    "CommanderAssigned": ("blue", "user"),
    "CommanderReleased": ("grey", "user"),
    "ApprovalRequested": ("amber", "clock"),
    "ApprovalGiven": ("green", "check"),
    "ApprovalDeclined": ("grey", "x"),
    "IncidentSplit": ("blue", "link"),
    "IncidentsMerged": ("blue", "link"),
    "CorrectionUndone": ("blue", "undo"),
    "IncidentsRelated": ("grey", "link"),
}
_QUIET = ("grey", "clock")
_FIRST = ("amber", "bell", "first page that reached anyone")
# Failures of one problem come in runs; a run of more than this becomes one line.
RUN = 3
# An error that may be tried again is held 5 s before it counts; what took twice as long came late.
LATE_S = 10.0
# Said of an action; everything else has the log's own time.
_OF_AGENTS = ("IncidentOpened", "SignalAttached")
# What people do with an incident, of which a change of its state is the echo.
_ANSWERS = (
    "IncidentAcknowledged",
    "IncidentAssigned",
    "IncidentContained",
    "IncidentResolved",
    "IncidentReopened",
    "IncidentClosed",
    "FalseAlarmMarked",
    "PostmortemStarted",
    "IncidentEscalated",
)
# An answer and what followed from it are in the same transaction, or one hop of the log later.
_TOGETHER_S = 2.0


def look(kind: str) -> tuple[str, str]:
    """(hue, icon) of an event type."""
    return _LOOKS.get(kind, _QUIET)


def story(entries: list[Json], group: str = "all") -> list[Json]:
    """Lines of one group: `{n, at, hue, icon, text, more, tags}`; `n` is the entry's place in the whole timeline."""
    kept = [(n, e) for n, e in enumerate(entries, start=1) if group in ("all", group_of(e["kind"]))]
    out: list[Json] = []
    i = 0
    while i < len(kept):
        run = i
        while run < len(kept) and kept[run][1]["kind"] == "SignalAttached":
            run += 1
        if run - i > RUN:
            out.append(_run([e for _, e in kept[i:run]], kept[i][0]))
            i = run
            continue
        n, entry = kept[i]
        if not _echo(entry, out):
            line = _line(entry, n)
            # Who resolves at once passes through the states between: one line, not one for each.
            while entry["kind"] in _ANSWERS and out and _leads_to(out[-1], line):
                _passes(line, out.pop()["details"], first=True)
            out.append(line)
        i += 1
    return out


def _line(entry: Json, n: int) -> Json:
    hue, icon = look(entry["kind"])
    line: Json = {"n": n, "at": entry["at"], "hue": hue, "icon": icon, "more": [], "tags": []}
    line |= {
        "text": told(entry, group_of(entry["kind"]) != "action"),
        "kind": entry["kind"],
        "details": entry.get("details") or {},
    }
    if (late := lateness(entry)) is not None:
        line["tags"].append(("grey", "clock", f"received {span(late)} late"))
    return line


def _run(run: list[Json], n: int) -> Json:
    line = _line(run[0], n)
    line["more"].append(f"and {count(len(run) - 1, 'more failure')} until {clock(run[-1]['at'])}")
    late = [seconds for e in run if (seconds := lateness(e)) is not None]
    if late:
        line["tags"] = [("grey", "clock", f"{len(late)} received up to {span(max(late))} late")]
    return line


def _echo(entry: Json, out: list[Json]) -> bool:
    """Join an entry to the line that it echoes; False when it tells something of its own."""
    kind, details = entry["kind"], entry.get("details") or {}
    if kind == "PageDelivered":
        for line in reversed(out):
            same = line["kind"] == "PageRequested" and all(
                line["details"].get(name) == details.get(name) for name in ("notification_id", "attempt")
            )
            if same:
                line["more"].append(f"Delivered {clock(entry['at'])}.")
                return True
        return False
    if kind == "IncidentPaged":
        for line in reversed(out):
            # Of two incidents that are one now, each has such a page.
            theirs = line["kind"] == "PageRequested" and line["details"].get("person") == details.get("person")
            if theirs and _FIRST not in line["tags"]:
                line["tags"].append(_FIRST)
                return True
        return False
    last = next((line for line in reversed(out) if line["kind"] in _ANSWERS), None)
    if last is None or abs(between(last["at"], entry["at"]) or 0) > _TOGETHER_S:
        return False
    if kind == "IncidentStateChanged" and details.get("by") == last["details"].get("subject"):
        _passes(last, details)
        return True
    if kind == "EscalationStopped" and last["kind"] == "IncidentAcknowledged":
        last["more"].append("Paging stopped.")
        return True
    return False


def _leads_to(line: Json, answer: Json) -> bool:
    """True for a change of state that is told just before the answer that made it."""
    return (
        line["kind"] == "IncidentStateChanged"
        and line["details"].get("by") == answer["details"].get("subject")
        and abs(between(line["at"], answer["at"]) or 0) <= _TOGETHER_S
    )


def _passes(line: Json, details: Json, first: bool = False) -> None:
    """One more move of the state on an answer's line: `Detected → investigating → resolved.`, in `more`."""
    before, after = str(details.get("before")), str(details.get("after"))
    way = line.setdefault("way", [])
    old = _way(way)
    if not way:
        way += [before, after]
    elif first and after == way[0]:
        way.insert(0, before)
    elif not first and before == way[-1]:
        way.append(after)
    if old in line["more"]:
        line["more"][line["more"].index(old)] = _way(way)
    else:
        line["more"].append(_way(way))


def _way(states: list[str]) -> str:
    return " → ".join(states).capitalize() + "."


def lateness(entry: Json) -> float | None:
    """Seconds from when an action happened to when the log had it, when they are more than it needs; else None."""
    details = entry.get("details") or {}
    # What a person split off came in time; it is told late.
    if entry["kind"] not in _OF_AGENTS or details.get("split_from"):
        return None
    seconds = between(details.get("event_time"), entry["at"])
    return seconds if seconds is not None and seconds > LATE_S else None


def told(entry: Json, person: bool) -> Markup:
    """The sentence, escaped, with who did it in bold; a person with an @."""
    text = str(escape(entry["text"])).replace("-&gt;", "→")
    name = str(escape(entry.get("actor") or ""))
    if name:
        shown = f"<b>{'@' if person else ''}{name}</b>"
        text = re.sub(rf"(?<![\w@.-]){re.escape(name)}(?![\w-])", lambda _: shown, text, count=1)
    return Markup(text)


def changes_before(entries: list[Json], detected_at: str) -> list[Json]:
    """Changes seen before the detection, the nearest first: what came later caused nothing."""
    found = [e for e in entries if e["kind"] == "ChangeRecorded" and (between(e["at"], detected_at) or 0) >= 0]
    return [e | {"told": told(e, False)} for e in found[::-1]]
