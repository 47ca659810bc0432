"""One action in JSON to `schemas.messages.actions.Action`. Pure: the clock and the tenant are arguments.

Every encoding of the door comes through here (action_avro.py and action_cloudevents.py give what they read as the same
fields), so ids, head and checks are made in one place.

    translate(plain, tenant="shop", now_ms=…, generated=None) -> Action      raises Invalid, naming field and remedy
    values(…)                                                 -> the same action's fields, to be written at once

`generated` is the id that an Idempotency-Key gives an action without one of its own.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, cast

from gateway.http import times
from gateway.http.errors import Invalid
from gateway.http.fields import NAME_MAX, TEXT_MAX, Fields, Warnings, clean, invalid, ordinary, shown
from schemas import ids
from schemas.messages import actions as words
from schemas.messages.actions import Action, Change, Effect, ErrorInfo, Labels, ModelUse, PayloadReference, Tool

NO_CONTENT = bytes(ids.ID_BYTES)
ID_MAX = 256
ATTEMPTS_MAX = 1_000_000
# With base64 a third more; the whole record must stay below the 512 KB of actions.raw.
CONTENT_MAX = 262_144

# Made once: `json.dumps` would make one for every action.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_AMOUNT = re.compile(r"-?[0-9]{1,38}")
_CURRENCY = re.compile(r"[A-Z]{3}")
_HEXADECIMAL = re.compile(r"[0-9A-Za-z._:/+=-]{1,256}")
_REVERSIBILITY = ("reversible", "compensable", "irreversible", "unknown")
_CHANGES = ("deploy", "config", "flag", "migration", "permission")


@dataclass(frozen=True, slots=True)
class Origin:
    """What an encoding says about an action beside its fields.

    `event_id` is the sender's own; `owner` is whose `id` it is, where that is not the actor (a CloudEvent's source);
    `traits` are bits to add.
    """

    event_id: bytes | None = None
    owner: str | None = None
    traits: int = 0


NOTHING_MORE = Origin()
# The values of all fields of an Action, in the order of its class.
Values = tuple[Any, ...]
EVENT_ID, ACTOR = 0, 3


def translate(
    plain: Any,
    tenant: str,
    now_ms: int,
    generated: bytes | None = None,
    *,
    place: str = "",
    warnings: Warnings | None = None,
    origin: Origin = NOTHING_MORE,
) -> Action:
    """The action that `plain` says, received at `now_ms` for `tenant`. Raises Invalid, whose field begins with `place`.

    `warnings` collects the fields that nobody knows.
    """
    return Action(*values(plain, tenant, now_ms, generated, place=place, warnings=warnings, origin=origin))


def values(
    plain: Any,
    tenant: str,
    now_ms: int,
    generated: bytes | None = None,
    *,
    place: str = "",
    warnings: Warnings | None = None,
    origin: Origin = NOTHING_MORE,
) -> Values:
    """The values of the fields of `translate`'s action, in their order: what codec.encode_values takes. As `translate`.

    Most actions have few fields. What a group of rarer ones says is looked for only where one of it was sent; the order
    in which fields are read, so which of several errors is told, is the same.
    """
    fields = Fields(plain, place, warnings)
    actor, actor_name, actor_version = _actor(fields)
    kind, resource = fields.required("type"), fields.required("resource")
    timestamp = _timestamp(fields)
    at = now_ms if timestamp is None else timestamp
    more = fields.any(_MORE)
    digest = _digest(fields) if more else None
    source_id = _id(fields, "id")
    parent, error, effect, change, labels, attempt = _details(fields) if more else _NO_DETAILS
    sequence = fields.integer("sequence", 0)
    traits = origin.traits | (_traits(fields, attempt) if more else 0)
    traits |= (words.ERROR if error else 0) | (words.EFFECT if effect else 0)
    traits |= (words.LABEL if labels else 0) | (words.CHANGE if change else 0)
    event_id = _event_id(tenant, actor, source_id, generated, origin)
    if event_id is None:
        if effect is not None:
            raise _effect_without_id(fields)
        event_id = ids.seed_key(tenant, actor, kind, resource, at // 1000, digest or "")
        traits |= words.GENERATED_ID
    session = fields.text("session") or ""
    attempt_limit, on_behalf_of, trace_id, span_id, result, payload, tool, model = _rest(fields) if more else _NO_REST
    fields.done()
    number = words.NO_SEQUENCE if sequence is None else sequence
    parent_id = None if parent is None else ids.given_id(tenant, origin.owner or actor, parent)
    content = NO_CONTENT if effect is None else _content(tenant, effect, resource)
    head = (event_id, content, tenant, actor, session, number, at, now_ms, traits, resource, kind)
    who = (source_id, actor_name, actor_version, on_behalf_of, digest, attempt, attempt_limit, parent_id)
    return (*head, *who, trace_id, span_id, result, error, effect, change, labels, payload, tool, model)


# What most actions do not have: all but actor, type, resource, timestamp, id, sequence and session.
_DETAILS = frozenset(("parent_id", "error", "effect", "change", "labels", "attempt", "backfill", "retryable"))
_REST = frozenset(("attempt_limit", "on_behalf_of", "trace_id", "span_id", "result", "payload", "tool", "model"))
_MORE = _DETAILS | _REST | {"parameters", "parameters_digest"}
_NO_DETAILS = (None, None, None, None, None, 1)
_NO_REST = (None,) * 8


def _details(
    fields: Fields,
) -> tuple[str | None, ErrorInfo | None, Effect | None, Change | None, Labels | None, int]:
    """parent_id, error, effect, change, labels, attempt."""
    if not fields.any(_DETAILS):
        return _NO_DETAILS
    parent = _id(fields, "parent_id")
    error, effect, change, labels = _error(fields), _effect(fields), _change(fields), _labels(fields)
    return parent, error, effect, change, labels, fields.integer("attempt", 1, ATTEMPTS_MAX) or 1


def _rest(fields: Fields) -> tuple[Any, ...]:
    """What is only taken over: the fields of _REST, in that order."""
    if not fields.any(_REST):
        return _NO_REST
    return (
        fields.integer("attempt_limit", 1, ATTEMPTS_MAX),
        fields.text("on_behalf_of"),
        fields.text("trace_id", ID_MAX),
        fields.text("span_id", ID_MAX),
        fields.text("result", TEXT_MAX),
        _payload(fields),
        _tool(fields),
        _model(fields),
    )


def _event_id(tenant: str, actor: str, source_id: str | None, generated: bytes | None, origin: Origin) -> bytes | None:
    if origin.event_id is not None:
        return origin.event_id
    return generated if source_id is None else ids.given_id(tenant, origin.owner or actor, source_id)


def _traits(fields: Fields, attempt: int) -> int:
    """The bits that the sender says itself."""
    return (
        (words.BACKFILL if fields.boolean("backfill") else 0)
        | (words.RETRYABLE if fields.boolean("retryable") else 0)
        | (words.RETRY if attempt > 1 else 0)
    )


def _effect_without_id(fields: Fields) -> Invalid:
    return invalid(
        "effect_without_id",
        fields.name("id"),
        "an effect without an id of its own could be done twice and counted once",
        "Give the action an `id`, or send an Idempotency-Key.",
    )


def _actor(fields: Fields) -> tuple[str, str | None, str | None]:
    value = fields.take("actor")
    if value and ordinary(value, NAME_MAX):
        return value, None, None
    if isinstance(value, dict):
        inner = Fields(value, fields.name("actor"), fields.warnings)
        found = inner.required("id"), inner.text("name"), inner.text("version")
        inner.done()
        return found
    if not isinstance(value, str) or not value:
        raise invalid(
            "field_required" if not value else "field_not_text",
            fields.name("actor"),
            "it is missing or empty" if not value else f"{shown(value)} is neither a text nor an object",
            "Send the agent's name, or {id, name, version}.",
        )
    return clean(fields.name("actor"), value, NAME_MAX), None, None


def _timestamp(fields: Fields) -> int | None:
    value = fields.take("timestamp")
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and times.EARLIEST_MS <= value <= times.LATEST_MS:
        return value
    ms = times.parse(value) if isinstance(value, str) else None
    if ms is None:
        raise invalid(
            "field_malformed",
            fields.name("timestamp"),
            f"{shown(value)} is no time",
            "Send RFC 3339 (2026-11-22T04:00:00.123Z) or whole milliseconds since 1970.",
        )
    return ms


def _digest(fields: Fields) -> str | None:
    parameters = fields.take("parameters")
    given = fields.matching("parameters_digest", _HEXADECIMAL, "the SHA-256 in hexadecimal")
    if parameters is None:
        return given
    place = fields.name("parameters")
    if given is not None:
        name = fields.name("parameters_digest")
        raise invalid("field_contradiction", name, "`parameters` is given too", "Send one of the two.")
    if not isinstance(parameters, dict):
        raise invalid("field_not_object", place, f"{shown(parameters)} is not an object", "Send a JSON object.")
    try:
        canonical = _CANONICAL.encode(parameters).encode()
    except UnicodeEncodeError as error:
        raise invalid(
            "field_not_text", place, "it holds half of a surrogate pair", "Send well-formed Unicode."
        ) from error
    except RecursionError as error:
        raise invalid("too_deep", place, "it is nested too deeply", "Send flatter values.") from error
    return sha256(canonical).hexdigest()


def _id(fields: Fields, key: str) -> str | None:
    value = fields.text(key, ID_MAX)
    if value == "":
        raise invalid("field_required", fields.name(key), "it is empty", "Leave it out, or give it a value.")
    return value


def _error(fields: Fields) -> ErrorInfo | None:
    value = fields.take("error")
    if value is None or value is False:
        return None
    if value is True:
        return ErrorInfo("error", "")
    inner = Fields(value, fields.name("error"), fields.warnings)
    found = ErrorInfo(inner.required("type"), inner.text("message", TEXT_MAX) or "", inner.text("code"))
    inner.done()
    return found


def _effect(fields: Fields) -> Effect | None:
    inner = fields.inner("effect")
    if inner is None:
        return None
    kind = inner.required("kind")
    amount = inner.matching("amount", _AMOUNT, '"12999": whole minor units, as a string')
    currency = inner.matching("currency", _CURRENCY, "EUR (ISO 4217)")
    if amount is not None and currency is None:
        name = inner.name("currency")
        raise invalid("field_required", name, "an amount has no meaning without it", "Name the currency.")
    found = Effect(
        kind,
        None if amount is None else str(int(amount)),
        currency,
        inner.text("counterparty"),
        inner.text("external_reference"),
        cast(Any, inner.choice("reversibility", _REVERSIBILITY) or "unknown"),
    )
    inner.done()
    return found


def _content(tenant: str, effect: Effect, resource: str) -> bytes:
    """What makes two effects the same content: no time, no id. An action without one has NO_CONTENT."""
    parts = (effect.kind, effect.counterparty or "", effect.currency or "", effect.amount or "", resource)
    return ids.derive("content", tenant, *parts)


def _change(fields: Fields) -> Change | None:
    inner = fields.inner("change")
    if inner is None:
        return None
    kind = inner.choice("kind", _CHANGES)
    if kind is None:
        raise invalid("field_required", inner.name("kind"), "it is missing", f"Use one of {', '.join(_CHANGES)}.")
    found = Change(
        cast(Any, kind), inner.text("before", TEXT_MAX), inner.text("after", TEXT_MAX), inner.text("summary", TEXT_MAX)
    )
    inner.done()
    return found


def _labels(fields: Fields) -> Labels | None:
    inner = fields.inner("labels")
    if inner is None:
        return None
    found = Labels(inner.text("world"), inner.text("action"))
    inner.done()
    return None if found == Labels() else found


def _tool(fields: Fields) -> Tool | None:
    inner = fields.inner("tool")
    if inner is None:
        return None
    found = Tool(inner.required("name"), inner.text("type"), inner.text("call_id", ID_MAX))
    inner.done()
    return found


def _model(fields: Fields) -> ModelUse | None:
    inner = fields.inner("model")
    if inner is None:
        return None
    read, written = inner.integer("input_tokens", 0), inner.integer("output_tokens", 0)
    found = ModelUse(inner.required("name"), inner.text("provider"), read, written)
    inner.done()
    return found


def _payload(fields: Fields) -> PayloadReference | None:
    inner = fields.inner("payload")
    if inner is None:
        return None
    kind = inner.choice("type", ("inline", "external"))
    if kind is None:
        raise invalid("field_required", inner.name("type"), "it is missing", "Use inline or external.")
    if kind == "external":
        size = inner.integer("size", 0)
        if size is None:
            raise invalid("field_required", inner.name("size"), "it is missing", "Give the size in bytes.")
        found = PayloadReference("external", size, inner.required("hash"), inner.required("location", TEXT_MAX))
    else:
        content = _inline(inner)
        digest = sha256(content).hexdigest()
        if inner.text("hash") not in (None, digest):
            raise _contradiction(inner.name("hash"))
        if inner.integer("size", 0) not in (None, len(content)):
            raise _contradiction(inner.name("size"))
        found = PayloadReference("inline", len(content), digest, None, content)
    inner.done()
    return found


def _contradiction(field: str) -> Invalid:
    return invalid("field_contradiction", field, "it is not the content's", "Correct it, or leave it out.")


def _inline(inner: Fields) -> bytes:
    value, place = inner.take("content"), inner.name("content")
    remedy = "Send the content in base64, at most 256 KB; a larger one by location."
    if not isinstance(value, str):
        raise invalid("field_required", place, "it is missing or no text", remedy)
    try:
        content = b64decode(value, validate=True)
    except ValueError as error:
        raise invalid("field_malformed", place, "it is not base64", remedy) from error
    if len(content) > CONTENT_MAX:
        raise invalid("field_too_long", place, f"{len(content)} bytes", remedy)
    return content
