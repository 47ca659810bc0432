"""A CloudEvent 1.0 to the fields of an action: what `data` leaves out is taken from the attributes. Pure.

    id       the action's id, of its source: (source, id) is what makes an event the same, as CloudEvents has it
    source   the actor          type     the action's type          subject   its resource
    time     its timestamp      traceparent   trace_id and span_id          data   all other fields, as in JSON

A field of `data` wins over an attribute. Attributes that are not of CloudEvents 1.0, and of no extension that is used
here, are named as warnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from gateway.http import times
from gateway.http.action_json import ID_MAX, Origin, Values, values
from gateway.http.errors import BadRequest, Invalid
from gateway.http.fields import Fields, Warnings, invalid, shown
from gateway.http.json_text import joined

PREFIX = "ce-"
_VERSION = "1.0"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}.*", re.DOTALL)
# Of CloudEvents and its documented extensions: known, and of no use to an action.
_KNOWN = ("datacontenttype", "dataschema", "tracestate", "partitionkey", "sequence", "sequencetype", "sampledrate")


def binary(headers: Iterable[tuple[str, str]], data: Any) -> dict[str, Any]:
    """The event of a request in binary mode, as structured mode has it. Raises BadRequest `header_twice`, Invalid."""
    found: dict[str, Any] = {}
    for name, value in headers:
        attribute = name.lower().removeprefix(PREFIX)
        if attribute == name.lower():
            continue
        if attribute in found:
            raise BadRequest("header_twice", f"the header {shown(name)[1:-1]}", "it is given twice", "Send it once.")
        try:
            found[attribute] = unquote(value, errors="strict")
        except UnicodeDecodeError as error:
            raise invalid(
                "field_not_text", joined("", name), "its percent-encoding is not UTF-8", "Encode it in UTF-8."
            ) from error
    # An attribute cannot be named `data`: the name is the body's.
    return found | {"data": data}


def is_binary(headers: Iterable[str]) -> bool:
    """True when a header names an attribute."""
    return any(name[: len(PREFIX)].lower() == PREFIX for name in headers)


def taken(
    event: Any, tenant: str, now_ms: int, generated: bytes | None, warnings: Warnings, *, place: str, named: str
) -> Values:
    """The fields of an event's action. `place` is the event's path, `named` comes before its attributes' names in
    errors (`ce-` for headers). Raises Invalid."""
    if not isinstance(event, dict):
        raise invalid("field_not_object", place or "body", f"{shown(event)} is not an object", "Send a JSON object.")
    # In binary mode the body itself is the data.
    data_place = place if named else joined(place, "data")
    attributes = Fields({f"{named}{name}": value for name, value in event.items() if name != "data"}, place, warnings)
    said = _attributes(attributes, named)
    data = event.get("data")
    if data is None:
        _refuse_base64(attributes, named)
        data = {}
    if not isinstance(data, dict):
        why = f"{shown(data)} is not an object"
        raise invalid("field_not_object", data_place or "body", why, "Send the action's fields as a JSON object.")
    for name in _KNOWN:
        attributes.take(f"{named}{name}")
    attributes.done()
    merged = {name: value for name, value in data.items() if value is not None}
    origin = Origin() if "id" in merged else Origin(owner=said["actor"])
    merged = said | merged
    if "resource" not in merged:
        raise invalid(
            "field_required",
            attributes.name(f"{named}subject"),
            "it is missing, and `data` names no resource",
            "Name the resource in `subject`, or as `data.resource`.",
        )
    return values(merged, tenant, now_ms, generated, place=data_place, warnings=warnings, origin=origin)


def _attributes(attributes: Fields, named: str) -> dict[str, Any]:
    """The fields that an event's attributes say."""
    version = attributes.text(f"{named}specversion")
    if version != _VERSION:
        name = attributes.name(f"{named}specversion")
        why = "it is missing" if version is None else f"{shown(version)} is not read here"
        raise invalid("cloudevent_version", name, why, f"Send CloudEvents {_VERSION}.")
    out: dict[str, Any] = {
        "id": attributes.required(f"{named}id", ID_MAX),
        "actor": attributes.required(f"{named}source"),
        "type": attributes.required(f"{named}type"),
    }
    subject = attributes.text(f"{named}subject")
    if subject:
        out["resource"] = subject
    time = attributes.text(f"{named}time")
    if time is not None:
        ms = times.parse(time)
        if ms is None:
            name = attributes.name(f"{named}time")
            raise invalid("field_malformed", name, f"{shown(time)} is no time", "Send RFC 3339, with its offset.")
        out["timestamp"] = ms
    trace = _TRACEPARENT.fullmatch(attributes.text(f"{named}traceparent") or "")
    return out if trace is None else out | {"trace_id": trace[1], "span_id": trace[2]}


def _refuse_base64(attributes: Fields, named: str) -> None:
    if not named and attributes.take("data_base64") is not None:
        raise Invalid(
            "cloudevent_data_not_json",
            f"field {attributes.name('data_base64')}",
            "an action is read from JSON",
            "Send `data` as a JSON object.",
            field=attributes.name("data_base64"),
        )
