"""The encodings of POST /v1/actions: which one a request uses, and its items, each read only when it is its turn.

    application/json                       an action, a list of them, or {"actions": […]}
    application/avro (avro/binary)         one action in single-object encoding
    application/cloudevents+json           one event in structured mode
    application/cloudevents-batch+json     a list of those
    application/json and ce-* headers      one event in binary mode; the body is its data

An item that cannot be read refuses itself: the others of its batch go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.http import action_avro, action_cloudevents, bodies, json_text
from gateway.http.action_cloudevents import PREFIX
from gateway.http.action_json import Values, values
from gateway.http.errors import Invalid, TooBig, UnsupportedMediaType
from gateway.http.fields import Fields, Warnings

AVRO = ("application/avro", "avro/binary")
EVENT = "application/cloudevents+json"
EVENTS = "application/cloudevents-batch+json"
TYPES = (bodies.JSON, AVRO[0], EVENT, EVENTS)
BATCH_MAX = 1_000

# (tenant, now in ms, id of an Idempotency-Key, where warnings go) -> the action's fields. Raises MandateError.
Item = Callable[[str, int, bytes | None, Warnings], Values]


@dataclass(frozen=True, slots=True)
class Batch:
    """The actions of a request. `single`: it is no batch, so its answer is that action's."""

    single: bool
    items: Sequence[Item]
    warnings: Warnings = field(default_factory=Warnings)


def read(request: web.Request, raw: bytes) -> Batch:
    """The items of a body. Raises UnsupportedMediaType, BadRequest, TooBig, Invalid; an item's own come later."""
    media = request.content_type
    if media in AVRO:
        said = action_avro.read(raw)
        return Batch(True, [lambda *context: action_avro.taken(said, *context)])
    if media not in TYPES and (raw or not action_cloudevents.is_binary(request.headers)):
        why = "the body is of a type that this door does not read"
        remedy = f"Send {', '.join(TYPES[:-1])} or {TYPES[-1]}."
        raise UnsupportedMediaType("media_type_unsupported", "the header Content-Type", why, remedy)
    if media in (EVENT, EVENTS):
        bodies.check_json(request, TYPES)
        return _events(json_text.parse(raw), media)
    if action_cloudevents.is_binary(request.headers):
        return _binary(request, raw)
    bodies.check_json(request, TYPES)
    return _actions(json_text.parse(raw))


def _actions(plain: Any) -> Batch:
    if isinstance(plain, dict) and "actions" in plain:
        if isinstance(plain, json_text.Twice):
            json_text.check(plain)
        body = Fields(plain)
        found = body.take("actions")
        body.done()
        if not isinstance(found, list):
            raise Invalid("field_not_list", "field actions", "it is no list", "Send a list.", field="actions")
        _check_size(found)
        return Batch(False, [_action(item, f"actions[{i}]") for i, item in enumerate(found)], body.warnings)
    if not isinstance(plain, list):
        return Batch(True, [_action(plain, "")])
    _check_size(plain)
    return Batch(False, [_action(item, f"[{i}]") for i, item in enumerate(plain)])


def _events(plain: Any, media: str) -> Batch:
    if media == EVENT:
        return Batch(True, [_event(plain, "", "")])
    if not isinstance(plain, list):
        raise Invalid("field_not_list", "the body", "it is no list", f"Send a list, or one event as {EVENT}.")
    _check_size(plain)
    return Batch(False, [_event(item, f"[{i}]", "") for i, item in enumerate(plain)])


def _binary(request: web.Request, raw: bytes) -> Batch:
    data = None
    if raw:
        bodies.check_json(request, TYPES)
        data = json_text.parse(raw)
    return Batch(True, [_event(action_cloudevents.binary(request.headers.items(), data), "", PREFIX)])


def _check_size(items: list[Any]) -> None:
    if not items:
        raise Invalid("batch_empty", "the batch", "it holds no action", "Send at least one.", field="actions")
    if len(items) > BATCH_MAX:
        why = f"it holds {len(items)} actions"
        raise TooBig("batch_too_large", "the batch", why, f"Send at most {BATCH_MAX} at once.", field="actions")


def _action(plain: Any, place: str) -> Item:
    def take(tenant: str, now_ms: int, generated: bytes | None, warnings: Warnings) -> Values:
        json_text.check(plain, place)
        return values(plain, tenant, now_ms, generated, place=place, warnings=warnings)

    return take


def _event(plain: Any, place: str, named: str) -> Item:
    def take(tenant: str, now_ms: int, generated: bytes | None, warnings: Warnings) -> Values:
        json_text.check(plain.get("data") if named else plain, place)
        return action_cloudevents.taken(plain, tenant, now_ms, generated, warnings, place=place, named=named)

    return take
