"""The answer as one HTML file: style and script inside, pictures as SVG, nothing asked of anybody. Pure but for reading
its own templates and the pages' style."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import cast

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import gateway.web
from gateway.web import words
from gateway.whatif import plots
from gateway.whatif.answer import Answer
from gateway.whatif.compare import MILESTONES, MovedPage, intervention
from gateway.whatif.sentences import Sentence, clock, length, sentences
from schemas.configuration import Escalation, parse_document
from schemas.envelope import rfc3339

_STATIC = Path(gateway.web.__file__).parent / "static"
# Differences shown in the table; all of them are in --json.
DIFFERENCES_MAX = 200
# Not strftime's: those are the machine's language.
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Days shown one by one; of a longer window the whole only.
DAYS_MAX = 14
_MORE_STYLE = """
.t th[scope=row]{white-space:nowrap}.rests li{padding:2px 0 2px 12px;text-indent:-12px}
.rests li::before{content:"· ";color:var(--ink-3)}.t.cards .tag{white-space:nowrap}
pre.mono{overflow-x:auto;line-height:1.5}
"""
_ICONS = {
    "incident lost": "x",
    "incident gained": "eye",
    "incident regrouped": "link",
    "page moved": "clock",
    "page removed": "x",
    "page added": "bell",
    "case lost": "x",
    "case gained": "rml3",
    "unmatched": "help",
}
_MILESTONE_WORDS = {
    "detected": "Detected",
    "first_page": "First page",
    "acknowledged": "Acknowledged",
    "contained": "Contained",
    "resolved": "Resolved",
}


@cache
def _environment() -> Environment:
    env = Environment(
        loader=ChoiceLoader([PackageLoader("gateway.whatif"), PackageLoader("gateway.web")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(clock=words.clock, full=words.full, at=clock, instant=rfc3339)
    env.globals.update(ICONS=_ICONS, count=words.count, SEVERITY={}, STATE={})
    return env


def html(answer: Answer, made_ms: int) -> str:
    """The report. `made_ms` is when it was made."""
    style = (_STATIC / "mandate.css").read_text() + _MORE_STYLE
    script = (_STATIC / "theme.js").read_text()
    days, loads = plots.loads(answer)
    found = sentences(answer)
    return (
        _environment()
        .get_template("report.html")
        .render(
            answer=answer,
            question=question(answer),
            stats=stats(answer),
            warnings=warnings(answer),
            lanes=plots.lanes(answer),
            zooms=plots.zooms(answer),
            days=[_day(d) for d in days] if len(days) <= DAYS_MAX else [],
            same=[change.document for change in answer.changes if not change.lines],
            loads=loads,
            times=times(answer),
            milestones=[_MILESTONE_WORDS[m] for m in MILESTONES],
            differences=found[:DIFFERENCES_MAX],
            more=max(0, len(found) - DIFFERENCES_MAX),
            made=rfc3339(made_ms),
            start=rfc3339(answer.window.start),
            end=rfc3339(answer.window.end),
            style=Markup(style),
            script=Markup(script),
            policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; "
            "form-action 'none'",
            geometry={"left": plots.LEFT, "right": plots.RIGHT},
        )
    )


def _day(day: int) -> str:
    """A day since 1970 as `Sun 22 Nov`."""
    at = datetime.fromtimestamp(day * plots.DAY_MS / 1000, UTC)
    return f"{_WEEKDAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}"


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


# --- the words over the pictures
# ------------------------------------------------------------------------------------------------------


def question(answer: Answer) -> str:
    """The title: what was asked, as exactly as a line can say it."""
    changes = answer.changes
    if not changes:
        return "What if nothing were changed?"
    said = [w for c in changes if c.document == "escalation" for w in _waits(answer, c.tenant)]
    others = [c.document for c in changes if c.lines and not (c.document == "escalation" and said)]
    parts = said[:2]
    if others:
        parts.append(f"the settings of {' and '.join(others)} were as proposed")
    return f"What if {', and '.join(parts)}?" if parts else "What if nothing were changed?"


def _waits(answer: Answer, tenant: str) -> list[str]:
    old_body = answer.result.recorded_documents.get(tenant, {}).get("escalation", b"{}")
    new_body = answer.result.question.changes[tenant]["escalation"]
    old = cast(Escalation, parse_document("escalation", old_body))
    out = []
    for policy in cast(Escalation, parse_document("escalation", new_body)).policies:
        was = old.policy(policy.id)
        for step, before in zip(policy.steps, was.steps if was else (), strict=False):
            if step.person == before.person and step.wait_s != before.wait_s:
                out.append(
                    f"@{step.person} had {length(step.wait_s * 1000)} to answer, not {length(before.wait_s * 1000)}"
                )
    return out


def stats(answer: Answer) -> list[tuple[str, str, str, str]]:
    """The first line of figures: (tone, title, figure, words)."""
    found = answer.found
    _, rows = plots.loads(answer)
    total = rows[-1]
    fewer = "green" if total.after < total.before else "amber" if total.after > total.before else ""
    out = [(fewer, "Pages", total.change, f"{total.before} before, {total.after} after")]
    heaviest = max(found.pages_moved, key=lambda m: abs(m.by_ms), default=None)
    if heaviest is not None:
        out.append(_clearest(answer, heaviest))
    opened = len(found.lost), len(found.gained), len(found.regrouped)
    tone = "red" if opened[0] else "amber" if any(opened) else ""
    words_ = f"{opened[0]} lost, {opened[1]} gained, {opened[2]} regrouped"
    moved = f"−{opened[0]} +{opened[1]}" if opened[0] or opened[1] else f"{opened[2]} regrouped"
    out.append((tone, "Incidents", moved if any(opened) else "same", words_))
    cases = len(found.cases_lost), len(found.cases_gained)
    out.append(
        ("red" if cases[0] else "", "RML-3 cases", "same" if not any(cases) else f"−{cases[0]} +{cases[1]}",
         f"{cases[0]} lost, {cases[1]} gained")
    )  # fmt: skip
    f = answer.fidelity
    share = min(f.incidents, f.pages, f.cases)
    good = "green" if f.whole else "red"
    figure = "100 %" if f.whole else f"{int(share * 1000) / 10} %"
    out.append((good, "Baseline fidelity", figure, "recorded settings run again, against the record"))
    return out


def _clearest(answer: Answer, moved: MovedPage) -> tuple[str, str, str, str]:
    label = answer.found.named_after.get(moved.after.incident_id, "")
    direction = "earlier" if moved.by_ms < 0 else "later"
    tone = "green" if moved.by_ms < 0 else "amber"
    where = f"in {label}, {clock(moved.after.at)} instead of {clock(moved.before.at)}"
    return tone, f"@{moved.after.person}’s page", f"{length(moved.by_ms)} {direction}", where


def warnings(answer: Answer) -> list[tuple[str, str, str]]:
    """What must be read first: (tone, short, long)."""
    out = []
    if not answer.fidelity.whole:
        missing = [f"{total - n} of {total} {what}" for what, (n, total) in answer.fidelity.counts.items() if n < total]
        text = f"The recorded settings, run again, lack {', '.join(missing)} of the record. Read the rest with care."
        out.append(("red", "The baseline does not equal the record.", text))
    if answer.unchanged:
        out.append(("amber", "Nothing was tried.", "The settings that were given are those in force."))
    lost: list[Sentence] = [s for s in sentences(answer) if s.kind in ("incident lost", "case lost")]
    if lost:
        names = ", ".join(s.label for s in lost[:5]) + ("…" if len(lost) > 5 else "")
        short = f"{words.count(len(lost), 'incident or case', 'incidents and cases')} would be lost."
        out.append(("red", short, f"Nobody would have been told of {names}. Read it before you apply this."))
    if answer.unmatched:
        n = len(answer.unmatched)
        short = f"{words.count(n, 'command')} of people found no incident."
        out.append(("amber", short, "They are left out; they are in the list of differences."))
    return out


def times(answer: Answer) -> list[tuple[str, list[tuple[str, str]]]]:
    """Intervention times: label and, for each milestone, (before, after) in words."""
    out = []
    for pair in answer.found.pairs:
        before = intervention(pair.before) if pair.before is not None else {}
        after = intervention(pair.after) if pair.after is not None else {}
        cells = [(_seconds(before.get(m)), _seconds(after.get(m))) for m in MILESTONES]
        out.append((pair.label, cells))
    return out


def _seconds(value: float | None) -> str:
    return "—" if value is None else words.span(value)
