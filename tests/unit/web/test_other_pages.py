"""Cases, the fate of an action and the health of the pipeline, from plain values of the API."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.web import assets, health
from gateway.web.actions import FATES
from gateway.web.cases import OUTCOMES, UNDO, shown
from gateway.web.door import Reader
from gateway.web.environment import render
from gateway.web.secret import masked, theirs
from gateway.web.words import money, readable

ME = Reader("acme", "dave", "person", "secret")
NOW = "2026-01-15T14:45:00.000Z"
COMMON: dict[str, Any] = {"me": ME, "here": "", "exhausted": [], "behind": ""}


def an_entry(number: int, **changes: Any) -> dict[str, Any]:
    plain = {
        "number": number,
        "id": f"id-{number}",
        "action_id": f"action-{number}",
        "actor": "checkout-helper-2",
        "action_type": "payments.charge",
        "kind": "charge",
        "outcome": "applied",
        "amount": "4900",
        "currency": "EUR",
        "counterparty": "customer-<b>8812",
        "external_reference": f"re_{number}",
        "resource": "payments-service",
        "reversibility": "compensable",
        "event_time": "2026-01-15T14:30:11.000Z",
        "at": "2026-01-15T14:30:12.000Z",
        "observations": 1,
        "previous_hash": "0" * 64,
        "hash": "a" * 64,
    }
    return plain | changes


def a_case(**changes: Any) -> dict[str, Any]:
    entries = [an_entry(311), an_entry(312, event_time="2026-01-15T14:36:11.000Z")]
    plain = {
        "id": "c",
        "number": 1,
        "name": "CASE-1",
        "world": "RML3",
        "state": "open",
        "reason": "second_charge",
        "why": "charge of 4900 EUR (minor units) with customer-<b>8812 came twice",
        "opened_at": "2026-01-15T14:38:10.000Z",
        "resource": "payments-service",
        "kind": "charge",
        "counterparty": "customer-<b>8812",
        "amount": "4900",
        "currency": "EUR",
        "actor": "checkout-helper-2",
        "action_id": "action-312",
        "event_time": "2026-01-15T14:36:11.000Z",
        "labels": {"world": None, "action": None},
        "entries_count": 2,
        "entries": entries,
        "incident_id": "i",
        "incident": "INC-1",
        "size": "small",
        "size_why": "1 party, 4900 EUR (minor units) in question, within seven days.",
        "summary": {"parties": 1, "amount": "4900", "first_at": None, "last_at": None},
    }
    return plain | changes


def test_a_case_shows_both_entries_and_what_tells_them_apart() -> None:
    x = shown(a_case(), NOW)
    assert x["title"] == "Suspected second charge of customer-<b>8812: 49.00 EUR"
    assert x["why"].startswith("Charge of 49.00 EUR with")
    told = {row["words"]: row["same"] for row in x["rows"]}
    assert (told["Amount"], told["To whom"], told["External reference"], told["Occurred"]) == (True, True, False, False)
    text = render("case.html", **COMMON, x=x, undo=UNDO, outcomes=OUTCOMES)
    assert "RML-3" in text
    assert 'id="e311"' in text
    assert 'id="e312"' in text
    assert "<b>8812" not in text
    assert "style=" not in text


def test_a_case_of_a_label_has_no_money_and_says_so_nowhere() -> None:
    none = dict.fromkeys(("kind", "counterparty", "amount", "currency"))
    labelled = a_case(**none, reason="label", entries=[], entries_count=0, labels={"world": "RML3", "action": None})
    x = shown(labelled, NOW)
    assert x["title"] == "Marked as history by a label: payments-service"
    text = render("case.html", **COMMON, x=x, undo=UNDO, outcomes=OUTCOMES)
    assert "Side by side" not in text
    assert "None" not in text
    assert "CASE-1" in render("cases.html", **COMMON, items=[x], next=None)


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        ("4900", "EUR", "49.00 EUR"),
        ("5", "EUR", "0.05 EUR"),
        ("-128460", "EUR", "−1,284.60 EUR"),
        ("500", "JPY", "500 JPY"),
        ("1234", "KWD", "1.234 KWD"),
        ("12", None, "0.12"),
        ("many", "EUR", "many EUR"),
        (None, "EUR", ""),
    ],
)
def test_money_has_the_digits_of_its_currency(amount: str | None, currency: str | None, words: str) -> None:
    assert money({"amount": amount, "currency": currency}) == words


def test_instants_in_a_sentence_become_times_of_day() -> None:
    assert readable("since 2026-01-15T14:30:11.123Z.") == "since 14:30:11 UTC."


def a_room(name: str, state: str = "ok", seconds: float | None = 0.0) -> dict[str, Any]:
    return {"name": name, "reads": "actions.raw", "state": state, "waiting": 0, "seconds_behind": seconds}


def a_pipeline(**changes: Any) -> dict[str, Any]:
    account = {"since": NOW, "accepted": 7, "admitted": 5, "dropped": 1, "dead_letters": 1}
    plain = {
        "looked": True,
        "gateway": {"sender": "ok", "in_flight": 0},
        "processors": [a_room("dedup"), a_room("rml")],
        "read_models": [a_room("timeline") | {"store": "postgres", "reads": ["actions.ordered"]}],
        "processes": [
            {"name": "processors", "state": "healthy", "threads": {"dedup": "running"}, "codes": [], "asked_at": NOW},
            {"name": "effects", "state": "cannot_be_asked", "threads": {}, "codes": [], "asked_at": None},
        ],
        "account": account | {"on_the_way": 0, "unaccounted": 0},
        "pages": {"requested": 2, "delivered": 1, "failed": 0},
        "last_page": None,
        "as_of": [],
    }
    return plain | changes


class Told:
    """A backend that knows one pipeline."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    async def pipeline(self, _: Reader) -> dict[str, Any]:
        return self._found


async def health_of(**changes: Any) -> str:
    return render("health_now.html", **await health.context(Told(a_pipeline(**changes)), ME))  # type: ignore[arg-type]  # what it asks


async def test_health_shows_unaccounted_also_when_it_is_none() -> None:
    text = await health_of()
    assert "all 3 keep up" in text
    assert "Unaccounted actions" in text
    assert "every id found again" in text
    assert "<dt>Pages without outcome</dt><dd>1</dd>" in text


async def test_health_names_the_slowest_and_the_next_command() -> None:
    rooms = [a_room("dedup", "behind", 6.2), a_room("rml", "stands", 45.0)]
    text = await health_of(processors=rooms)
    assert "2 of 3 not keeping up" in text
    assert "<b>rml is 45 s behind.</b>" in text
    assert "mandate doctor" in text


async def test_health_tells_what_processes_say_and_which_cannot_be_asked() -> None:
    text = await health_of()
    assert "dedup is running" in text
    assert "1 process cannot be asked" in text
    away = {"name": "effects", "state": "no_answer", "threads": {}, "codes": [], "asked_at": NOW}
    stuck = away | {"name": "processors", "state": "unhealthy", "codes": ["positions_unstable"]}
    text = await health_of(processes=[stuck, away])
    assert "processors says that it is not healthy" in text
    assert "<code>positions_unstable</code>" in text
    assert "nothing within a second" in text
    assert "cannot be asked" not in text
    threads = {"a": "running", "b": "restoring"}
    assert health.says(away | {"state": "healthy", "threads": threads}) == "b restoring"
    assert health.says(away | {"state": "healthy", "threads": dict.fromkeys("abc", "running")}) == "all 3 are running"


async def test_health_without_the_broker_and_redis_claims_nothing() -> None:
    rooms = [a_room("dedup", "unknown", None)]
    text = await health_of(looked=False, processors=rooms, account=None)
    assert "The broker has not answered" in text
    assert "not counted" in text
    assert "every id found again" not in text


@pytest.mark.parametrize("word", FATES)
def test_each_fate_is_told(word: str) -> None:
    place = {"topic": "actions.raw", "partition": 1, "offset": 17, "appended_at": NOW}
    found = {
        "id": "a",
        "event_id": "e",
        "fate": word,
        "text": "It <i>is</i>.",
        "accepted": [place],
        "admitted": [place | {"flags": ["stale_timestamp"]}],
        "dropped": [place | {"dropped_at": NOW, "reason": "redelivered", "rule": "event_id", "first": place}],
        "dead_letters": [place | {"set_aside_at": NOW, "processor": "dedup", "code": "not_framed", "detail": "x"}],
        "session": {"sequence": 5, "standing": "seen", "highest": 9, "floor": 0, "open": [[3, 4]], "passed_at": NOW},
        "timeline": None,
        "window": {"since": None, "until": None},
        "as_of": [],
    }
    said: dict[str, Any] = {"asked": "a", "actor": "", "found": found, "refused": None, "fates": FATES, "late": None}
    text = render("fate.html", **COMMON, **said, open_numbers=2)
    assert "2 numbers below it not seen" in text
    assert "It &lt;i&gt;is" in text
    assert "actions.raw-1 @ 17" in text
    assert text.count("btn go") == 1


def test_a_forms_secret_never_looks_the_same_and_is_known_again() -> None:
    first, second = masked("s3cret"), masked("s3cret")
    assert first != second
    assert theirs(first, "s3cret")
    assert theirs(second, "s3cret")
    for wrong in ("", "s3cret", "zz", "ab", None, masked("other"), first[:-2]):
        assert not theirs(wrong, "s3cret")


def test_every_file_of_the_pages_is_small_when_compressed() -> None:
    files = assets.load()
    sent = {name: len(file.packed or file.plain) for name, file in files.items() if name.endswith((".js", ".css"))}
    # A page with everything that it loads may have 60 kB; most of it is for what people need to read.
    assert sum(sent.values()) < 30_000, sent
    assert files["mandate.css"].kind == "text/css"
