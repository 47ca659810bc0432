"""The first difference of a replay in words: both sides decoded, the state before it, and the reasons.

Called by replay.py of this folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from processors.host.history import History
from processors.host.places import Place
from processors.host.replay_explain import Decided, explain
from processors.host.replay_feed import Window
from processors.host.replay_match import Difference
from processors.kernel.engine import PROGRESS_KEY
from processors.kernel.room import Room
from schemas import codec, ids
from schemas.envelope import CE_CAUSE, rfc3339
from schemas.errors import MandateError
from schemas.messages import kernel
from schemas.messages.kernel import StoredPart
from schemas.messages.tables import STREAMS
from schemas.record import Headers, Record, header

# Bytes of a value shown in hexadecimal where nothing can decode it.
SHOWN_BYTES = 64
_KINDS = {
    "different": "the output is not the same bytes",
    "missing": "today's code gives an output that was not recorded",
    "extra": "an output was recorded that today's code does not give",
    "order": "the outputs are the same and come in another order",
    "state": "the state after this transaction is not the same",
}


def first_difference(room: Room, history: History, window: Window, found: Difference) -> list[str]:
    """The lines that tell of one difference."""
    lines = ["", f"First difference{' (declared)' if found.declared else ''}: {room.name}: {_KINDS[found.kind]}."]
    why = explain(room, history, window, found)
    if why is not None and found.partition is not None:
        lines += _cause(room, history, found.partition, why.cause)
    if found.recorded is not None:
        r = found.recorded
        lines.append(f"  recorded  {r.topic}[{r.partition}]@{r.offset}, appended {rfc3339(r.append_time)}")
    elif found.replayed is not None:
        lines.append(f"  recorded  nothing in {found.replayed.topic}[{found.replayed.partition}]")
    recorded = _side(room, found.recorded.topic, found.recorded) if found.recorded else None
    replayed = _side(room, found.replayed.topic, found.replayed) if found.replayed else None
    lines += [f"            {line}" for line in _text(recorded)]
    lines.append("  replayed" + ("" if replayed is not None else "  nothing"))
    lines += [f"            {line}" for line in _text(replayed)]
    named = list(found.fields)
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        named += sorted(k for k in {*recorded, *replayed} if recorded.get(k) != replayed.get(k))
    if named:
        lines.append(f"  differs   {', '.join(dict.fromkeys(named))}")
    if found.recorded is not None and found.kind == "extra":
        cause = header(found.recorded.headers, CE_CAUSE)
        lines.append(f"  cause     {cause.decode('ascii', 'replace') if cause else 'unknown'} (the id it names)")
    for decided in () if why is None else why.decided:
        lines += _decided(decided)
    return lines


def _cause(room: Room, history: History, partition: int, offset: int) -> list[str]:
    place = Place(room.input, partition)
    record = next(history.read(place, offset, offset + 1), None)
    if record is None:
        return [f"  cause     {place.topic}[{partition}]@{offset}"]
    when = rfc3339(record.append_time)
    return [f"  cause     {place.topic}[{partition}]@{offset}, appended {when}", *_input(room, record)]


def _input(room: Room, record: Record) -> list[str]:
    return [f"            {line}" for line in _text(_side(room, record.topic, record))]


def _decided(decided: Decided) -> Iterator[str]:
    yield f"  decided   {decided.what} at {rfc3339(decided.now)}"
    yield f"    reasons {', '.join(decided.reasons)}"
    yield f"    events  {', '.join(decided.events) or 'none'}"
    for key, part in decided.parts:
        yield f"    before  {key}: {json.dumps(_plain(part), ensure_ascii=False)}"
    if decided.more_parts:
        yield f"            and {decided.more_parts} more parts"


def _side(room: Room, topic: str, it: Any) -> Any:
    """One side as a JSON value: key, headers and the decoded message."""
    plain: dict[str, Any] = {"key": (it.key or b"").decode("utf-8", "replace")}
    if it.key == PROGRESS_KEY or topic != room.changelog:
        plain |= {f"header {name}": value for name, value in _headers(it.headers).items()}
    words = kernel.CHANGELOG if topic == room.changelog else STREAMS[room.topology.topics[topic].stream]
    try:
        message = codec.Words(words).decode(it.value)
        if isinstance(message, StoredPart):
            part = codec.Words(room.decider.parts).decode(message.part)
            timers = {t.name: [t.due, ids.text(t.origin)] for t in message.timers}
            return plain | {"part": type(part).__name__, "timers": timers} | _plain(part)
        return plain | {"message": type(message).__name__} | _plain(message)
    except MandateError as error:
        value = it.value or b""
        return plain | {"undecodable": error.why, "bytes": len(value), "value": value[:SHOWN_BYTES].hex()}


def _headers(headers: Headers) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in headers}


def _text(side: Any) -> list[str]:
    return [] if side is None else [json.dumps(side, ensure_ascii=False)]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, bytes):
        return ids.text(value) if len(value) == ids.ID_BYTES else value.hex()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
