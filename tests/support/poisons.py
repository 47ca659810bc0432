"""Everything hostile that has been thought of, each with a name: bodies for the door, records for the topic.

Used by unit tests of the door, by a scenario on the log in memory, by one integration test on the real stack, by the
report on neighbours (`python -m tests.poison`) and as first inputs of `make fuzz`. What is new belongs here.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any

from gateway.http.budget import BODY_MAX
from schemas import codec, ids
from schemas.messages.actions import ERROR, Action, ErrorInfo
from schemas.messages.incidents import IncidentClosed
from schemas.record import Headers

JSON = "application/json"
DEEP = 200_000
BOMB = gzip.compress(b" " * (64 * 1_048_576), 9)  # 64 MB in 64 KB
PLAIN: dict[str, str] = {"Content-Type": JSON}
GZIP = PLAIN | {"Content-Encoding": "gzip"}
DEFLATE = PLAIN | {"Content-Encoding": "deflate"}

# --- at the door ------------------------------------------------------------------------------------------------------

# name: (headers, body). No door may take one of these.
BODIES: dict[str, tuple[dict[str, str], bytes]] = {
    "a truncated object": (PLAIN, b'{"a": 1'),
    "a truncated text": (PLAIN, b'{"a": "b'),
    "a truncated escape": (PLAIN, b'"\\u12'),
    "only a space": (PLAIN, b" "),
    "NUL bytes": (PLAIN, b"\x00\x00\x00\x00"),
    "NUL after the value": (PLAIN, b"{}\x00"),
    "a raw NUL in a text": (PLAIN, b'{"note": "a\x00b"}'),
    "a raw newline in a text": (PLAIN, b'{"note": "a\nb"}'),
    "two values": (PLAIN, b"{}{}"),
    "lines of JSON": (PLAIN, b'{"a": 1}\n{"a": 2}\n'),
    "a comment": (PLAIN, b"{} // no"),
    "a trailing comma": (PLAIN, b'{"a": 1,}'),
    "single quotes": (PLAIN, b"{'a': 1}"),
    "bare words": (PLAIN, b"{a: 1}"),
    "NaN": (PLAIN, b'{"a": NaN}'),
    "Infinity": (PLAIN, b'{"a": -Infinity}'),
    "a leading zero": (PLAIN, b'{"a": 012}'),
    "hexadecimal": (PLAIN, b'{"a": 0x12}'),
    "a text": (PLAIN, b'"text"'),
    "half of a surrogate pair": (PLAIN, b'"\\ud800"'),
    "a number": (PLAIN, b"7"),
    "true": (PLAIN, b"true"),
    "null": (PLAIN, b"null"),
    "a list of numbers": (PLAIN, b"[1, 2]"),
    "a list of lists": (PLAIN, b"[[], []]"),
    "an empty list": (PLAIN, b"[]"),
    "lists nested to the ground": (PLAIN, b"[" * DEEP + b"]" * DEEP),
    "objects nested to the ground": (PLAIN, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "lists that never end": (PLAIN, b"[" * DEEP),
    "nested deeper than any use": (PLAIN, b'{"parameters":' + b'{"a":' * 100 + b"1" + b"}" * 101),
    "a float beyond all": (PLAIN, b'{"sequence": 1e999}'),
    "a negative float beyond all": (PLAIN, b'{"sequence": -1e999}'),
    "a whole number of 400 digits": (PLAIN, b'{"sequence": 1' + b"0" * 400 + b"}"),
    "a whole number of a million digits": (PLAIN, b'{"sequence": ' + b"9" * 1_000_000 + b"}"),
    "a name twice": (PLAIN, b'{"type": "a", "type": "b"}'),
    "a name twice, once escaped": (PLAIN, b'{"type": "a", "t\\u0079pe": "b"}'),
    "a name twice further in": (PLAIN, b'{"parameters": {"x": [{"a": 1, "a": 2}]}}'),
    "not UTF-8": (PLAIN, b'{"note": "\xff\xfe"}'),
    "an overlong NUL": (PLAIN, b'{"note": "\xc0\x80"}'),
    "a surrogate in UTF-8": (PLAIN, b'{"note": "\xed\xa0\x80"}'),
    "UTF-16": (PLAIN, '{"a": 1}'.encode("utf-16")),
    "UTF-32": (PLAIN, '{"a": 1}'.encode("utf-32")),
    "a byte order mark": (PLAIN, b"\xef\xbb\xbf{}"),
    "declared UTF-16": ({"Content-Type": f"{JSON}; charset=utf-16"}, '{"a": 1}'.encode("utf-16")),
    "declared Latin-1": ({"Content-Type": f"{JSON}; charset=iso-8859-1"}, b"{}"),
    "a charset that is none": ({"Content-Type": f"{JSON}; charset=klingon"}, b"{}"),
    "text": ({"Content-Type": "text/plain"}, b"{}"),
    "XML": ({"Content-Type": "application/xml"}, b"<a/>"),
    "a form": ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
    "a type that is none": ({"Content-Type": "/;;"}, b"{}"),
    "no type": ({"Content-Type": ""}, b"{}"),
    "an event of another version": ({"Content-Type": "application/cloudevents+json"}, b'{"specversion": "0.1"}'),
    "Avro that is none": ({"Content-Type": "application/avro"}, b"\xc3\x01nothing at all"),
    "not gzip": (GZIP, b"{}"),
    "truncated gzip": (GZIP, gzip.compress(b'{"a": "' + bytes(range(32, 120)) * 50)[:-30]),
    "a gzip bomb": (GZIP, BOMB),
    "gzip in gzip": (GZIP, gzip.compress(gzip.compress(b"{}"))),
    "not deflate": (DEFLATE, b"\x78\x9c\xff\xff\xff"),
    "a deflate bomb": (DEFLATE, zlib.compress(b"[" * (32 * 1_048_576), 9)),
    "brotli": (PLAIN | {"Content-Encoding": "br"}, b"\x0b\x01\x80{}\x03"),
    "two encodings": (PLAIN | {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(b"{}"))),
    "a gzip bomb in a gzip bomb": (GZIP, gzip.compress(BOMB)),
    "a number of 5,000 digits": (PLAIN, b'{"sequence": ' + b"7" * 5_000 + b"}"),
    "100,000 lists": (PLAIN, b"[" * 100_000 + b"]" * 100_000),
    "10 MB": (PLAIN, b'[{"actor": "' + b"x" * 10_485_760 + b'"}]'),
    "more than any door takes": (PLAIN, b'{"a": "' + b"x" * BODY_MAX + b'"}'),
}

# What refuses one action and not its neighbours: item (JSON text), where it is wrong.
ITEMS: dict[str, tuple[str, str]] = {
    "no object": ("7", ""),
    "null": ("null", ""),
    "a list": ("[]", ""),
    "nothing": ("{}", "actor"),
    "a number for a text": ('{"actor": 7}', "actor"),
    "a text with U+0000": ('{"actor": "a\\u0000b"}', "actor"),
    "half of a surrogate pair": ('{"actor": "\\ud83d"}', "actor"),
    "an actor with no id": ('{"actor": {"name": "x"}}', "actor.id"),
    "a text of a megabyte": (f'{{"actor": "{"x" * 1_000_000}"}}', "actor"),
    "sequence 1e999": ('{"sequence": 1e999}', "sequence"),
    "sequence of 400 digits": (f'{{"sequence": 1{"0" * 400}}}', "sequence"),
    "sequence beyond 64 bits": ('{"sequence": 9223372036854775808}', "sequence"),
    "sequence -1": ('{"sequence": -1}', "sequence"),
    "sequence 1.0": ('{"sequence": 1.0}', "sequence"),
    "sequence true": ('{"sequence": true}', "sequence"),
    "sequence as a text": ('{"sequence": "1"}', "sequence"),
    "attempt 0": ('{"attempt": 0}', "attempt"),
    "a day that is none": ('{"timestamp": "2026-02-30T00:00:00Z"}', "timestamp"),
    "a time of year 300,000,000": ('{"timestamp": 9e18}', "timestamp"),
    "a name twice": ('{"type": "a", "type": "b"}', "type"),
    "a name twice in parameters": ('{"parameters": {"x": [0, {"a": 1, "a": 1}]}}', "parameters.x[1].a"),
    "parameters nested too deeply": (f'{{"parameters": {"[" * 90}{"]" * 90}}}', "parameters…"),
    "a number beyond all in parameters": ('{"parameters": {"x": 1e400}}', "parameters.x"),
    "parameters with half a pair": ('{"parameters": {"x": "\\ud800"}}', "parameters"),
    "parameters as a list": ('{"parameters": [1]}', "parameters"),
    "an amount as a number": ('{"effect": {"kind": "x", "amount": 12}}', "effect.amount"),
    "an amount with a point": ('{"effect": {"kind": "x", "amount": "1.5", "currency": "EUR"}}', "effect.amount"),
    "an amount of 400 digits": (f'{{"effect": {{"kind": "x", "amount": "{"9" * 400}"}}}}', "effect.amount"),
    "a currency of no country": ('{"effect": {"kind": "x", "currency": "euro"}}', "effect.currency"),
    "a change of no kind": ('{"change": {"kind": "magic"}}', "change.kind"),
    "an error as a number": ('{"error": 500}', "error"),
    "base64 that is none": ('{"payload": {"type": "inline", "content": "%%%"}}', "payload.content"),
    "retryable as a text": ('{"retryable": "yes"}', "retryable"),
    "tokens as a text": ('{"model": {"name": "m", "input_tokens": "7"}}', "model.input_tokens"),
}


# --- on the topic -----------------------------------------------------------------------------------------------------

TENANT = "shop"
NOON = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class Poison:
    """One record for `actions.raw` and what becomes of it.

    `code`: of its dead letter, by `processor`; None: it is shown in the timeline, with `flags` among its flags.
    `key` None is no key at all.
    """

    value: bytes | None
    code: str | None = None
    processor: str = "dedup"
    flags: tuple[str, ...] = ()
    headers: Headers = ()
    key: bytes | None = ids.key_of(TENANT, "poison").encode()


def _key(tenant: str) -> bytes:
    return ids.key_of(tenant, "poison").encode()


def sound(name: str, **given: Any) -> Action:
    """An action that nothing is wrong with."""
    plain = Action(ids.derive("poison", name), bytes(16), TENANT, "poison", "", -1, NOON, NOON, 0, "payments", "charge")
    return replace(plain, **given)


def _framed(*pieces: bytes, name: str = "") -> bytes:
    """The frame of an Action, two ids, and then these bytes."""
    return codec.frame_of(Action) + ids.derive("poison", "framed", name) + bytes(16) + b"".join(pieces)


def _text(raw: bytes, length: int | None = None) -> bytes:
    return codec.long(len(raw) if length is None else length) + raw


def _head(tenant: bytes = _text(b"shop"), sequence: bytes = b"\x01", traits: bytes = b"\x00", name: str = "") -> bytes:
    time = codec.long(NOON)
    texts = _text(b"poison") + _text(b"")
    return _framed(tenant, texts, sequence, time, time, traits, _text(b"payments"), _text(b"charge"), name=name)


WHOLE = codec.encode(sound("whole"))
_OVERFLOW = b"\xff" * 9 + b"\x7f"
_ENDLESS = b"\xff" * 64

# What cannot be read, or is not under its key: a dead letter of dedup.
UNREADABLE: dict[str, Poison] = {
    "a tombstone": Poison(None, "not_framed"),
    "nothing at all": Poison(None, "not_framed", key=None),
    "an empty value": Poison(b"", "not_framed"),
    "one byte": Poison(b"\x00", "not_framed"),
    "half a frame": Poison(b"\x00\x00\x00", "not_framed"),
    "ten bytes": Poison(b"ten bytes!", "not_framed"),
    "JSON": Poison(json.dumps({"actor": "a", "type": "b"}).encode(), "not_framed"),
    "100,000 lists": Poison(b"[" * 100_000 + b"]" * 100_000, "not_framed"),
    "gzip": Poison(gzip.compress(WHOLE), "not_framed"),
    "half a megabyte of 0xff": Poison(b"\xff" * 500_000, "not_framed"),
    "an unknown schema": Poison(b"\x00\xff\xff\xff\xffunknown", "unknown_schema"),
    "schema 0": Poison(b"\x00" * 40, "unknown_schema"),
    "a schema of another stream": Poison(codec.frame_of(IncidentClosed) + bytes(60), "unexpected_type"),
    "a frame alone": Poison(codec.frame_of(Action), "undecodable_head"),
    "cut in its ids": Poison(WHOLE[:30], "undecodable_head"),
    "cut behind its ids": Poison(WHOLE[:37], "undecodable_head"),
    "cut in its tenant": Poison(WHOLE[:40], "undecodable_head"),
    "cut in its times": Poison(WHOLE[:56], "undecodable_head"),
    "a frame and half a megabyte of 0xff": Poison(_framed(b"\xff" * 499_000), "undecodable_head"),
    "a text longer than the record": Poison(_framed(_text(b"shop", 4_000)), "undecodable_head"),
    "a text longer than any record": Poison(_framed(_text(b"shop", 2**62)), "undecodable_head"),
    "a text longer than a head may have": Poison(_framed(_text(b"x" * 5_000)), "undecodable_head"),
    "a text of less than nothing": Poison(_framed(_text(b"shop", -4)), "undecodable_head"),
    "a text of the least length": Poison(_framed(_text(b"shop", -(2**63))), "undecodable_head"),
    "a tenant that is not UTF-8": Poison(_head(_text(b"\xff\xfe")), "undecodable_head"),
    "half of a surrogate pair in the tenant": Poison(_head(_text(b"\xed\xa0\x80")), "undecodable_head"),
    "an overlong NUL in the tenant": Poison(_head(_text(b"\xc0\x80")), "undecodable_head"),
    "a length that overflows": Poison(_framed(_OVERFLOW, b"shop"), "undecodable_head"),
    "a length that never ends": Poison(_framed(_ENDLESS), "undecodable_head"),
    "a number that overflows": Poison(_head(sequence=_OVERFLOW), "undecodable_head"),
    "a number that never ends": Poison(_head(sequence=_ENDLESS), "undecodable_head"),
    "traits that overflow": Poison(_head(traits=_OVERFLOW), "undecodable_head"),
    "no key": Poison(WHOLE, "wrong_key", key=None),
    "an empty key": Poison(WHOLE, "wrong_key", key=b""),
    "a key that is not UTF-8": Poison(WHOLE, "undecodable_key", key=b"\xff\xfe"),
    "the key of another actor": Poison(WHOLE, "wrong_key", key=ids.key_of(TENANT, "another").encode()),
    "a tenant that its key does not name": Poison(codec.encode(sound("t", tenant="other")), "wrong_key"),
}


def readable(tenant: str) -> dict[str, Poison]:
    """What has a sound head under its key: it goes on, and is shown with its flags. Signals alone looks at a body, and
    only if the head says that there is something in it."""

    def whole(name: str, **given: Any) -> bytes:
        return codec.encode(sound(name, tenant=tenant, **given))

    text = _text(tenant.encode())
    error = ErrorInfo("PoolExhausted", "no connection")
    found = {
        "a damaged body that tells of an error": Poison(
            whole("failed", error=error, traits=ERROR)[:-4], "undecodable_body", "signals", ("undecodable",)
        ),
        "a damaged body that tells of nothing": Poison(
            _head(text, name="damaged") + b"\xff" * 20, flags=("undecodable",)
        ),
        "a body that is not there": Poison(_head(text, name="bodiless"), flags=("undecodable",)),
        "a body that goes on": Poison(whole("long") + b"more", flags=("undecodable",)),
        "headers that are garbage": Poison(
            whole("garbage"),
            headers=(
                ("", b""),
                ("h", b"\xff" * 1_000),
                ("flags", b"\xff\x00,,late"),
                ("ce_id", b"\xff"),
                ("\x00", b"\x00"),
            ),
        ),
        "verdicts that the sender says itself": Poison(
            whole("verdicts"), headers=(("flags", b"late,gap,id_reused:7,undecodable"),)
        ),
        "5,000 headers": Poison(whole("many"), headers=tuple((f"h{n}", b"x") for n in range(5_000))),
        "the year 9999": Poison(whole("9999", timestamp=253_402_300_799_999), flags=("future_timestamp",)),
        "a time before 1970": Poison(whole("1969", timestamp=-1), flags=("stale_timestamp",)),
        "the last of all times": Poison(whole("last", timestamp=2**63 - 1), flags=("future_timestamp",)),
        "the first of all times": Poison(whole("first", timestamp=-(2**63)), flags=("stale_timestamp",)),
        "received at the end of time": Poison(whole("end", received_at=2**63 - 1), flags=("stale_timestamp",)),
        "received before all time": Poison(whole("start", received_at=-(2**63)), flags=("future_timestamp",)),
        "the largest number": Poison(whole("largest", session="big", sequence=2**63 - 1)),
        "a number after the largest": Poison(whole("after", session="big", sequence=0), flags=("late",)),
        "the first number, then the largest": Poison(whole("one", session="wide", sequence=0)),
        "a gap of all numbers": Poison(whole("gap", session="wide", sequence=2**63 - 1), flags=("gap",)),
        "the least number": Poison(whole("least", session="low", sequence=-(2**63))),
        "all traits but those that need a body": Poison(whole("traits", traits=1 << 40)),
        "an action without a type": Poison(whole("typeless", type="")),
        "an action on nothing": Poison(whole("nothing", resource="")),
    }
    return {name: replace(poison, key=_key(tenant)) for name, poison in found.items()}


RECORDS: dict[str, Poison] = UNREADABLE | readable(TENANT)
