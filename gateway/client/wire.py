"""What goes to `POST /v1/actions` and what its answers mean. Pure.

An answer is believed only if it is whole: anything else may or may not have been written, so the same actions are sent
again under the same ids, and Mandate's processor `dedup` drops the second ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.client.errors import Json

PATH = "/v1/actions"
# Come again: the request was not read, the gateway is busy or away, or something behind it is.
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
# The request as a whole was not understood: its actions are sent in smaller requests, to find the one that is to blame.
UNREADABLE = frozenset({400, 413, 422})
# Says of itself that nothing was written.
NOTHING_WRITTEN = 429


class Receipt(NamedTuple):
    """Where an accepted action is on the log; `event_id` is UUID text."""

    event_id: str
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One try. `status` None: nobody answered whole; `body` then says why. `retry_after` is in seconds."""

    status: int | None
    body: bytes = b""
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action that the gateway will never take."""

    problem: Json


@dataclass(frozen=True, slots=True)
class Later:
    """To be sent again; `written`: perhaps it has been written all the same."""

    problem: Json
    written: bool


Outcome = Receipt | Refusal | Later


@dataclass(frozen=True, slots=True)
class Judged:
    """What an answer says of each action: an outcome each.

    `outcomes` None: the request was refused as a whole, and `problem` says why: either it cannot be read
    (`unreadable`), or the caller is not let in (wrong token, wrong address).
    """

    outcomes: tuple[Outcome, ...] | None
    problem: Json
    unreadable: bool = False


def body(lines: Sequence[bytes]) -> bytes:
    """The request's body from actions that are JSON already: the same bytes in every try."""
    return b'{"actions":[' + b",".join(lines) + b"]}"


def judge(answer: Answer, count: int) -> Judged:
    """What `answer` says of `count` actions."""
    plain = _plain(answer.body)
    problem = _problem(answer, plain)
    status = answer.status
    results = plain.get("results")
    if status == 202 and (found := _results(results, count)) is not None:
        return Judged(found, problem)
    if status == 422 and (found := _results(results, count)) is not None:
        return Judged(found, problem)
    if status is None or status < 300 or status in LATER:
        return Judged((Later(problem, status != NOTHING_WRITTEN),) * count, problem)
    return Judged(None, problem, status in UNREADABLE)


def _results(results: Any, count: int) -> tuple[Outcome, ...] | None:
    """An outcome for each item; None if the list is not whole."""
    if not isinstance(results, list) or len(results) != count:
        return None
    out: list[Outcome] = []
    for result in results:
        outcome = _outcome(result)
        if outcome is None:
            return None
        out.append(outcome)
    return tuple(out)


def _outcome(result: Any) -> Outcome | None:
    if not isinstance(result, dict) or not isinstance(result.get("status"), int):
        return None
    status = result["status"]
    if status == 202:
        try:
            return Receipt(
                str(result["event_id"]), str(result["topic"]), int(result["partition"]), int(result["offset"])
            )
        except (KeyError, TypeError, ValueError):
            return None
    given = result.get("problem")
    problem = given if isinstance(given, dict) else {"code": f"http_{status}", "status": status}
    if 400 <= status < 500 and status not in LATER:
        return Refusal(problem)
    return Later(problem, status != NOTHING_WRITTEN)


def _plain(raw: bytes) -> Json:
    try:
        plain = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}


def _problem(answer: Answer, plain: Json) -> Json:
    """The gateway's problem document, or one of our own where it gave none."""
    if answer.status is not None and isinstance(plain.get("code"), str):
        return plain
    if answer.status is None:
        why = answer.body.decode("utf-8", "replace") or "it did not answer"
        code = "gateway_away"
    else:
        why = f"it answered {answer.status} without saying why"
        code = "gateway_busy" if answer.status in LATER else f"http_{answer.status}"
    return {
        "code": code,
        "detail": why,
        "remedy": "Nothing to do: it is tried again. See what runs: mandate status."
        if answer.status is None or answer.status in LATER
        else "Look at the address and the token that this client was given.",
    }
