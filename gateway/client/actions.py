"""An action as a line of JSON: what the caller says, plus what only the client knows. Pure but for what it is given.

The id, the time, the session and the sequence number are put in once, before the first try; a retry is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from gateway.client.errors import Json, NotTaken
from gateway.client.policy import ACTION_BYTES_MAX


class Error(TypedDict, total=False):
    """A failure: `type` is required."""

    type: str
    message: str
    code: str


class Effect(TypedDict, total=False):
    """Something done to the world: `kind` is required; `amount` is whole minor units as a text ("4900"), `currency`
    ISO 4217."""

    kind: str
    amount: str
    currency: str
    counterparty: str
    external_reference: str
    reversibility: Literal["reversible", "compensable", "irreversible", "unknown"]


class Change(TypedDict, total=False):
    """A change of the resource: `kind` is required."""

    kind: Literal["deploy", "config", "flag", "migration", "permission"]
    before: str
    after: str
    summary: str


class Labels(TypedDict, total=False):
    """What the agent says of the world of its action."""

    world: str
    action: str


class Fields(TypedDict, total=False):
    """What an action may say beside type and resource. `timestamp`: RFC 3339 or ms since 1970, else now."""

    id: str
    actor: str | Json
    timestamp: str | int
    session: str
    sequence: int
    error: Error | BaseException
    effect: Effect
    change: Change
    labels: Labels
    result: str
    parameters: Mapping[str, Any]
    parameters_digest: str
    on_behalf_of: str
    parent_id: str
    trace_id: str
    span_id: str
    attempt: int
    attempt_limit: int
    retryable: bool
    backfill: bool
    payload: Json


def actor_of(action: Mapping[str, Any]) -> str:
    """Whose action it is; empty where it does not say so in a way that the gateway will understand."""
    actor = action.get("actor")
    name = actor.get("id") if isinstance(actor, Mapping) else actor
    return name if isinstance(name, str) else ""


def said(error: Any) -> Any:
    """An exception as an error of the wire; anything else as it is."""
    if isinstance(error, BaseException):
        return {"type": type(error).__name__, "message": str(error)}
    return error


def line(action: Mapping[str, Any]) -> bytes:
    """The action as one line. Raises NotTaken `action_unsendable`, `action_too_large`."""
    try:
        data = json.dumps(action, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotTaken(
            "action_unsendable", "the action", f"it cannot be written as JSON: {error}", "Send plain values."
        ) from error
    if len(data) > ACTION_BYTES_MAX:
        raise NotTaken(
            "action_too_large",
            "the action",
            f"it has {len(data)} bytes as JSON",
            f"Keep it under {ACTION_BYTES_MAX}; name large payloads by their location.",
        )
    return data


def plain(data: bytes) -> Json:
    """A line as an action again; what cannot be read is shown as it is."""
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"line": data.decode("utf-8", "replace")}


class Numbers:
    """Session and sequence of every actor that speaks through one client: a new session, and numbers from 1."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._last: dict[str, int] = {}

    def fill(self, action: Json) -> str | None:
        """Put the next number into an action that says neither; returns whose number it was, to be `used`."""
        if "session" in action or "sequence" in action:
            return None
        actor = actor_of(action)
        action["session"] = self._session
        action["sequence"] = self._last.get(actor, 0) + 1
        return actor

    def used(self, actor: str, count: int = 1) -> None:
        """The numbers given last have been used."""
        self._last[actor] = self._last.get(actor, 0) + count
