"""The pages from plain values: the bar's arithmetic, runs of failures, and every template with hostile text."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from gateway.web import view
from gateway.web.causes import cause
from gateway.web.door import Reader
from gateway.web.environment import render
from gateway.web.intervention import bar, strip
from gateway.web.listing import Listing
from gateway.web.moves import offers
from gateway.web.responding import together
from gateway.web.story import GROUPS, story
from gateway.web.words import span
from tests.unit.web.page_values import NOW, at, incident, resolved

SHORT = {"open": 1, "worst": "SEV2", "alone": 1}
LIST: dict[str, Any] = {"here": "incidents", "next": None, "asked": Listing(), "totals": {"open": 1, "resolved": 0}}
LIST |= {"short": SHORT}


def test_given_a_resolved_incident_then_the_bar_splits_at_the_first_page_and_counts_both_sides() -> None:
    whole = bar(resolved(), NOW)
    assert [(p.milestone, p.length, p.failures) for p in (*whole.before, *whole.after)] == [
        ("First failure", "15 s", 1),
        ("Detected", "5.0 s", 1),
        ("First page", "25 s", 5),
        ("Acknowledged", "11 min 15 s", 17),
        ("Resolved", "—", 0),
    ]
    assert (whole.before_failures, whole.after_failures) == (2, 22)
    assert whole.answer == "22 of 24 failures"
    assert "@alice was in control 45 s after the first failure; resolved after 12 min 00 s." in whole.more


def test_given_nobody_told_then_the_bar_is_open_and_all_failures_are_before() -> None:
    whole = bar(incident(), NOW)
    assert [p.running for p in whole.before] == [False, True]
    assert not whole.after
    assert whole.before_failures == 24
    assert whole.answer == "Nobody has been told yet."


def test_given_a_page_without_an_answer_then_what_came_since_is_after_it() -> None:
    paged = {"first_page_at": at("14:30:20"), "failures_before_page": 2, "failures_after_page": 22}
    whole = bar(incident(intervention=paged), NOW)
    assert [(p.milestone, p.failures) for p in (*whole.before, *whole.after)] == [
        ("First failure", 1),
        ("Detected", 1),
        ("First page", 22),
    ]
    assert (whole.before_failures, whole.after_failures, whole.answer) == (2, 22, "Yes.")


def test_given_an_answer_before_any_page_then_every_failure_is_counted_once() -> None:
    taken = {"acknowledged_at": at("14:31:00"), "failures_before_acknowledge": 4}
    whole = bar(incident(assignee="alice", intervention=taken), NOW)
    assert [p.failures for p in (*whole.before, *whole.after)] == [1, 3, 20]


def test_given_a_long_part_then_a_short_one_keeps_its_place() -> None:
    widths = [p.width for p in (*bar(resolved(), NOW).before, *bar(resolved(), NOW).after)]
    assert all(1 <= w <= 10 for w in widths)
    small = strip(resolved(), NOW)
    assert all(width >= 3 for _, _, width in small)
    assert small[-1][1] + small[-1][2] <= 116


def entry(kind: str, text: str = "x", clock: str = "14:30:00") -> dict[str, Any]:
    return {"at": at(clock), "kind": kind, "text": text, "actor": None, "event_id": None, "details": {}}


def test_given_a_run_of_failures_then_it_is_one_line_and_nothing_else_is_folded() -> None:
    run = [entry("SignalAttached", str(i), f"14:30:{i:02d}") for i in range(10)]
    told = story([entry("IncidentOpened"), *run, entry("IncidentAcknowledged"), *run[:2]])
    assert [e["kind"] for e in told] == [
        "IncidentOpened",
        "SignalAttached",
        "IncidentAcknowledged",
        "SignalAttached",
        "SignalAttached",
    ]
    assert told[1]["more"] == ["and 9 more failures until 14:30:09"]


@pytest.mark.parametrize("x", [incident(), resolved(), incident(historical=True)], ids=["new", "resolved", "past"])
def test_every_template_renders_and_escapes_what_agents_say(x: dict[str, Any]) -> None:
    me = Reader("acme", "dave", "person", "secret")
    shown = view.incident(x, NOW)
    page = {
        "notification_id": "n",
        "person": "alice",
        "channel": {"kind": "webhook", "address": "http://x"},
        "step": 1,
        "steps": 2,
        "round": 1,
        "rounds": 3,
        "attempts": 1,
        "requested_at": at("14:30:20"),
        "outcome": "failed",
        "outcome_at": None,
        "detail": "<i>500</i>",
        "acknowledged_at": None,
    }
    common = {"me": me, "exhausted": [{"incident": "INC-1", "at": NOW}], "behind": view.behind(x["as_of"], NOW)}
    whole = render(
        "incident.html",
        **common,
        x=shown,
        csrf="secret",
        here="incidents",
        offers=offers(x, "dave", ("acknowledge", "resolve")),
        groups=GROUPS,
        group="all",
        said="",
        on_it=view.on_it(x, [page], NOW),
        name="INC-1",
        pages=[page],
        historical=x["historical"],
        entries=story([entry("IncidentOpened", "<script>")]),
        changes=[],
        compared=[],
        together=together(x, "dave"),
        known=1,
        fresh=1,
    )
    listed = render("incidents.html", **common, **LIST, items=[shown], known=1, fresh=2)
    for text in (whole, listed):
        assert "<script>alert" not in text
        assert text.count("btn go") <= 1
        assert "style=" not in text
    assert "&lt;i&gt;500" in whole
    assert "2 new incidents" in listed
    assert ("</svg>Acknowledge</button>" in whole) == (x["state"] != "resolved")


def test_the_empty_list_names_the_next_command() -> None:
    me = Reader("acme", "dave", "person", "secret")
    text = render("incidents.html", **LIST, me=me, exhausted=[], behind="", items=[], known=0, fresh=0)
    assert "mandate demo" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "—"),
        (0, "0 s"),
        (59.4, "59 s"),
        (0.07, "0.1 s"),
        (5, "5.0 s"),
        (185, "3 min 05 s"),
        (7_800, "2 h 10 min"),
        (360_000, "4 d 4 h"),
    ],
)
def test_spans_are_words(seconds: float | None, words: str) -> None:
    assert span(seconds) == words


def test_echoes_join_the_line_they_belong_to_and_what_came_late_is_said() -> None:
    page = {"notification_id": "n", "attempt": 1, "person": "alice"}
    entries = [
        entry("SignalAttached", "bot failed too") | {"actor": "bot", "details": {"event_time": at("14:29:18")}},
        entry("PageRequested", "alice is paged") | {"actor": "alice", "details": page},
        entry("PageDelivered", "took it", "14:30:01") | {"details": page},
        entry("IncidentPaged", "first", "14:30:01") | {"details": {"person": "alice"}},
        entry("IncidentAcknowledged", "alice is on it", "14:31:00")
        | {"actor": "alice", "details": {"subject": "alice"}},
        entry("IncidentStateChanged", "moved", "14:31:00")
        | {"details": {"by": "alice", "before": "detected", "after": "investigating"}},
        entry("EscalationStopped", "stopped", "14:31:01"),
        entry("IncidentStateChanged", "moved", "14:32:00")
        | {"details": {"by": "alice", "before": "investigating", "after": "resolved"}},
        entry("IncidentResolved", "alice resolved it", "14:32:00") | {"details": {"subject": "alice"}},
    ]
    late, paged, taken, ended = story(entries)
    assert late["tags"] == [("grey", "clock", "received 42 s late")]
    assert late["text"] == "<b>bot</b> failed too"
    assert paged["text"] == "<b>@alice</b> is paged"
    assert (paged["more"], [words for _, _, words in paged["tags"]]) == (
        ["Delivered 14:30:01."],
        ["first page that reached anyone"],
    )
    assert taken["more"] == ["Detected → investigating.", "Paging stopped."]
    assert ended["more"] == ["Investigating → resolved."]
    assert [line["n"] for line in story(entries, "human")] == [5, 9]
    assert [line["kind"] for line in story(entries, "action")] == ["SignalAttached"]


def test_who_resolves_at_once_passes_through_the_states_between_in_one_line() -> None:
    states = ("detected", "investigating", "contained", "resolved")
    moves = [
        entry("IncidentStateChanged", "moved", "14:32:00") | {"details": {"by": "bob", "before": a, "after": b}}
        for a, b in pairwise(states)
    ]
    over = entry("IncidentResolved", "bob resolved it", "14:32:00") | {"details": {"subject": "bob"}}
    (line,) = story([*moves, over])
    assert line["more"] == ["Detected → investigating → contained → resolved."]
    answer = entry("IncidentAcknowledged", "bob is on it", "14:32:00") | {"details": {"subject": "bob"}}
    (line,) = story([answer, *moves])
    assert line["more"] == ["Detected → investigating → contained → resolved."]


def test_the_head_of_the_list_is_of_all_that_is_open_or_of_the_page_while_redis_is_away() -> None:
    told = {"open": 70, "worst": "SEV1", "unassigned": 60, "over": 5, "left_out": 2, "items": []}
    assert view.short(told, [], 3) == {"open": 70, "worst": "SEV1", "alone": 60}
    assert view.newest(told) == 77
    items = [view.incident(incident(), NOW), view.incident(resolved(), NOW)]
    assert view.short(None, items, 3) == {"open": 3, "worst": "SEV2", "alone": 1}
    assert view.short(None, [], 0) == {"open": 0, "worst": None, "alone": 0}


def test_people_are_those_of_now_with_since_when() -> None:
    taken = incident(assignee="bob", acknowledged_at=at("14:30:45"), assigned_at=at("14:40:00"))
    assert view.people(taken) == [("On it", "bob", at("14:40:00"))]
    assert view.on_it(taken, [], NOW) == "since 14:40:00"
    given = taken | {"assigned_by": "alice"}
    assert view.on_it(given, [], NOW) == "assigned by @alice 14:40:00, not acknowledged"
    # A read model that did not keep it yet: the first acknowledgement may be another person's.
    assert view.people(given | {"assigned_at": None})[0] == ("On it", "bob", None)
    taken["intervention"] |= {"acknowledged_at": at("14:30:45"), "failures_after_page": 3}
    told = bar(taken, NOW)
    assert (told.answer, told.more.startswith("since 14:40:00; somebody was in control 45 s")) == ("@bob has it,", True)
    back = incident(state="reopened", contained_by="bob", contained_at=at("14:33:00"), reopened_at=at("14:44:00"))
    assert view.people(back) == []
    assert view.people(resolved())[0] == ("Had it", "alice", at("14:30:45"))


@pytest.mark.parametrize(
    ("state", "assignee", "me", "go", "beside"),
    [
        ("detected", None, "bob", "acknowledge", None),
        ("investigating", "alice", "bob", "contain", "acknowledge"),
        ("investigating", "bob", "bob", "contain", None),
        ("contained", "bob", "bob", "resolve", None),
        ("reopened", None, "bob", "acknowledge", None),
        ("resolved", "bob", "bob", "close", None),
        ("closed", "bob", "bob", None, None),
    ],
)
def test_one_command_is_the_next_by_the_state(
    state: str, assignee: str | None, me: str, go: str | None, beside: str | None
) -> None:
    verbs = ("acknowledge", "assign", "contain", "resolve", "close", "reopen", "severity")
    found = offers(incident(state=state, assignee=assignee), me, verbs)
    assert (found.go.verb if found.go else None, found.beside.verb if found.beside else None) == (go, beside)
    assert found.go not in found.more


def weighed(**changes: Any) -> dict[str, Any]:
    """A cause as GET /v1/incidents/{incident} shows it."""
    candidate = {
        "change_id": "c1",
        "kind": "deploy",
        "resource": "payments-service",
        "reference": {"before": "v2.3.0", "after": "v2.3.1"},
        "summary": "pool 10 -> 5",
        "actor": "deployer",
        "changed_at": at("14:29:59"),
        "seconds_before": 1,
    }
    given = (("deploy", "payments-service", 85), ("config", "search-service", 55), ("flag", "search-service", 12))
    ranked = [
        {
            "change_id": f"c{n}",
            "kind": kind,
            "resource": resource,
            "before": "v2.3.0",
            "after": "v2.3.1",
            "actor": "deployer",
            "percent": percent,
            "parts": [{"name": "relation", "points": 240, "why": f"on {resource} <b>"}],
        }
        for n, (kind, resource, percent) in enumerate(given, start=1)
    ]
    return {
        "candidate": candidate,
        "said": "deploy v2.3.0 → v2.3.1 of payments-service by deployer, 1 s before the first failure",
        "confidence": "high",
        "score": 720,
        "percent": 85,
        "tied": 0,
        "reasons": ["same resource <b>"],
        "ranked": ranked,
        "considered": [],
        "weighed": 3,
        "at": at("14:30:16"),
    } | changes


def test_a_likely_cause_is_drawn_solid_and_weaker_ones_dashed_or_folded() -> None:
    found = cause(incident(cause=weighed()))
    assert found.likely is not None
    assert (found.likely.title, found.likely.word, found.likely.number, found.likely.style) == (
        "deploy v2.3.0 → v2.3.1 of payments-service by deployer",
        "Likely",
        "85 %",
        "",
    )
    assert found.likely.why == (("+240", "on payments-service <b>"),)
    assert [(s.title.split()[0], s.style) for s in found.others] == [("config", "dash")]
    assert [(s.title.split()[0], s.number) for s in found.folded] == [("flag", "12 %")]
    suspected = weighed(ranked=[weighed()["ranked"][1]])
    possible = cause(incident(cause=suspected))
    assert possible.likely is not None
    assert possible.likely.style == "dash"
    none = cause(incident(cause=weighed(candidate=None, confidence="none")))
    assert (none.likely, none.none, none.reasons) == (None, "no candidate", ("same resource <b>",))
    assert [s.number for s in none.others] == ["85 %", "55 %"], "what was weighed is shown all the same"


def test_what_one_could_do_is_shown_with_its_warning_and_as_advice() -> None:
    known = {
        "facts": {"flag": "new-checkout", "changed_at": at("14:29:59"), "correlation": "high"},
        "warning": "DB migrations may not be fully reversible",
        "advice": [
            {"action": "disable_flag", "parameters": {"flag": "new-checkout", "to": "off"}, "why": "likely <i>"}
        ],
        "writes": [],
    }
    found = cause(incident(cause=weighed(), kind="feature_flag", classified=known))
    assert found.kind == "a feature flag that broke something"
    assert found.advice == (("disable flag", "flag new-checkout, to off", "likely <i>"),)
    assert found.facts == (("Flag", "new-checkout"), ("Changed", "14:29:59"), ("Correlation", "high"))
    assert found.warning == "DB migrations may not be fully reversible"


def test_a_mistyped_filter_shows_more_and_never_fails() -> None:
    asked = Listing.of({"state": "nonsense", "severity": "SEV9", "who": "me", "q": " pool ", "resource": "a\x00b"})
    assert asked.given == {"who": "me", "q": "pool"}
    assert asked.parameters("bob") == {"q": "pool", "assignee": "bob"}
    assert Listing.of({"who": "nobody"}).parameters("bob") == {"taken": "no"}
    assert asked.address(who="", state="open") == "q=pool&state=open"


@pytest.mark.parametrize(
    ("world", "cases"), [("RML3", ["CASE-1", "CASE-2", "CASE-3", "CASE-4"]), ("RML3", []), ("RML2", [])]
)
def test_the_world_is_named_with_its_cases_and_never_higher_or_lower_than_told(world: str, cases: list[str]) -> None:
    x = view.incident(incident(world=world, cases=[{"name": name} for name in cases]), NOW)
    rows = render("rows.html", items=[x])
    assert world.replace("RML", "RML-") in rows
    assert ("CASE-1 +3" in rows) is bool(cases)
    text = now_of(x)
    assert ("RML-3 history" in text) is (world == "RML3")
    assert ('href="/cases/CASE-3"' in text, "CASE-4" in text, "and 1 more" in text) == (bool(cases), False, bool(cases))
    assert ("no case so far" in text) is (world == "RML2")


def now_of(x: dict[str, Any]) -> str:
    """The header and summary of an incident."""
    me = Reader("acme", "dave", "person", "secret")
    return render("now.html", x=x, me=me, csrf="", offers=offers(x, "dave", ()), said="", on_it="", behind="")
