"""One action in Avro single-object encoding to the fields that JSON has. Pure.

    C3 01 | CRC-64-AVRO fingerprint of the writer's schema, 8 bytes little-endian | the Action in Avro

Every version of Action that this project has published is read. What the gateway decides itself is not taken over:
`received_at`, `content_key`, and the traits that follow from other fields. An `event_id` that is not all zeroes is the
action's id, as for a producer that writes to Kafka directly; else the rules of JSON hold.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict
from functools import cache
from typing import Any

from fastavro.schema import fingerprint, to_parsing_canonical_form

from gateway.http.action_json import NO_CONTENT, Origin, Values, values
from gateway.http.errors import BadRequest, Forbidden, Invalid
from gateway.http.fields import Warnings
from schemas import codec, ids, registry
from schemas.messages import actions as words
from schemas.messages.actions import Action

MARKER = b"\xc3\x01"
HEAD_BYTES = len(MARKER) + 8
# Bits that only the sender can know; the others follow from the fields.
_SAID = words.REDACTED | words.GENERATED_ID

_WORDS = codec.Words(words.ACTIONS)


@cache
def fingerprints() -> dict[bytes, int]:
    """The schema id of each published version of Action, by its fingerprint as it stands in a body."""
    found = {}
    written = [w for w in registry.by_id().values() if (w.home, w.name) == (registry.home_of(Action), Action.__name__)]
    for one in sorted(written, key=lambda w: w.version):
        found[bytes.fromhex(fingerprint(to_parsing_canonical_form(one.text), "CRC-64-AVRO"))] = one.id
    return found


def read(raw: bytes) -> Action:
    """The action as its sender wrote it, lifted to today's version. Raises BadRequest, Invalid, SchemaError."""
    if raw[: len(MARKER)] != MARKER or len(raw) < HEAD_BYTES:
        raise BadRequest(
            "avro_not_single_object",
            "the body",
            "it does not begin with C3 01 and a fingerprint of 8 bytes",
            "Send one action in Avro single-object encoding, without the framing of Kafka.",
        )
    mark = raw[len(MARKER) : HEAD_BYTES]
    number = fingerprints().get(mark)
    if number is None:
        raise Invalid(
            "avro_schema_unknown",
            "the body",
            f"no version of Action has the fingerprint {mark.hex()} (CRC-64-AVRO, little-endian)",
            "Write with a published Action schema: /schema-registry has them, and schemas/avro/actions/Action/.",
        )
    found: Action = _WORDS.decode(codec.frame(number) + raw[HEAD_BYTES:])
    return found


def taken(said: Action, tenant: str, now_ms: int, generated: bytes | None, warnings: Warnings) -> Values:
    """The action's fields as the gateway takes it. Raises Invalid, and Forbidden for the action of another tenant."""
    if said.tenant not in ("", tenant):
        raise Forbidden(
            "tenant_foreign",
            "field tenant",
            "it is not the tenant of your token",
            "Leave it empty, or use a token of that tenant.",
            field="tenant",
        )
    own = None if said.event_id == NO_CONTENT else said.event_id
    traits = said.traits & _SAID if own is not None else said.traits & words.REDACTED
    return values(_plain(said), tenant, now_ms, generated, warnings=warnings, origin=Origin(own, None, traits))


def _plain(said: Action) -> dict[str, Any]:
    payload = None if said.payload is None else _payload(said.payload)
    return {
        "actor": {"id": said.actor, "name": said.actor_name, "version": said.actor_version},
        "type": said.type,
        "resource": said.resource,
        "id": said.source_id,
        "session": said.session,
        "sequence": None if said.sequence == words.NO_SEQUENCE else said.sequence,
        "timestamp": said.timestamp,
        "on_behalf_of": said.on_behalf_of,
        "parameters_digest": said.parameters_digest,
        "attempt": said.attempt,
        "attempt_limit": said.attempt_limit,
        "parent_id": None if said.parent_id is None else ids.text(said.parent_id),
        "trace_id": said.trace_id,
        "span_id": said.span_id,
        "result": said.result,
        "backfill": bool(said.traits & words.BACKFILL),
        "retryable": bool(said.traits & words.RETRYABLE),
        "error": None if said.error is None else asdict(said.error),
        "effect": None if said.effect is None else asdict(said.effect),
        "change": None if said.change is None else asdict(said.change),
        "labels": None if said.labels is None else asdict(said.labels),
        "payload": payload,
        "tool": None if said.tool is None else asdict(said.tool),
        "model": None if said.model is None else asdict(said.model),
    }


def _payload(said: words.PayloadReference) -> dict[str, Any]:
    if said.type == "external":
        return {"type": said.type, "size": said.size, "hash": said.hash, "location": said.location}
    content = None if said.content is None else b64encode(said.content).decode()
    # Without a hash or size of the sender's the content's own are taken.
    return {"type": said.type, "size": said.size or None, "hash": said.hash or None, "content": content}
