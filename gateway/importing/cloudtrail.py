"""CloudTrail records as actions. Pure: one file's entries in, actions and the reasons for what was left out.

    id         eventID                            session   the SHA-256 of the file's content
    actor      ARN, else principal, else service  sequence  the record's place among its actor's in the file,
    from 1 type       eventSource:eventName              resource  what the request names, else its only ARN,
    else the service timestamp  eventTime                          error     errorCode and errorMessage

A record that is left out takes no number, so it opens no gap; the same file gives the same numbers for ever.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.importing import identity
from gateway.importing.files import Entry
from gateway.importing.nesting import parents
from schemas import ids

Json = dict[str, Any]

# What a client of AWS repeats by itself: another try is to be expected, so the failure is held for it.
THROTTLES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
        "Client.RequestLimitExceeded",
        "ServiceUnavailable",
        "PriorRequestNotComplete",
    }
)
# An opaque blob, another one each time: with it no two refusals would be told to be the same.
_BLOB = re.compile(r"(Encoded authorization failure message:) \S+")
MESSAGE_CHARACTERS_MAX = 1_000
_PERMISSION = ("Policy", "Permission", "Acl", "AccessKey", "LoginProfile", "MFADevice")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that became no action: its stable reason and where it is."""

    reason: str
    place: str


@dataclass(frozen=True, slots=True)
class Translated:
    """A file's actions in file order, and what was left out."""

    actions: tuple[Json, ...]
    skipped: tuple[Skipped, ...]


def translate(entries: Sequence[Entry], digest: str) -> Translated:
    """Actions of one file. Reasons: not_json, unreadable_file, file_too_large, not_a_record, no_event_id,
    no_event_time, no_event_name, no_identity, repeated_in_file."""
    kept: list[tuple[Mapping[str, Any], int]] = []
    skipped: list[Skipped] = []
    seen: set[str] = set()
    for entry in entries:
        reason, when = _readable(entry, seen)
        if reason is not None:
            skipped.append(Skipped(reason, entry.place))
        else:
            seen.add(entry.plain["eventID"].lower())
            kept.append((entry.plain, when))
    nested = parents(kept)
    numbers: dict[str, int] = {}
    actions = []
    for place, (record, when) in enumerate(kept):
        action = _action(record, when)
        name = str(action["actor"]["id"])
        numbers[name] = numbers.get(name, 0) + 1
        action |= {"session": digest, "sequence": numbers[name], "backfill": True}
        if place in nested and ids.parse(parent := kept[nested[place]][0]["eventID"]) is not None:
            # Only a UUID is the same id for every actor; another text is hashed with its sender's name.
            action["parent_id"] = parent
        actions.append(action)
    return Translated(tuple(actions), tuple(skipped))


def _readable(entry: Entry, seen: set[str]) -> tuple[str | None, int]:
    """(reason to leave it out or None, event time in ms)."""
    record = entry.plain
    if entry.problem is not None:
        return entry.problem, 0
    if not isinstance(record, Mapping):
        return "not_a_record", 0
    event_id = record.get("eventID")
    if not isinstance(event_id, str) or not event_id:
        return "no_event_id", 0
    if event_id.lower() in seen:
        return "repeated_in_file", 0
    if not all(isinstance(record.get(key), str) and record[key] for key in ("eventSource", "eventName")):
        return "no_event_name", 0
    when = event_time(record.get("eventTime"))
    if when is None:
        return "no_event_time", 0
    return (None if identity.actor(record) is not None else "no_identity"), when


def event_time(value: Any) -> int | None:
    """An RFC 3339 time as ms since 1970, or None; a time without a zone is UTC, as CloudTrail writes it."""
    try:
        parsed = datetime.fromisoformat(value)
        aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    except (ValueError, TypeError):
        return None
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def _action(record: Mapping[str, Any], when: int) -> Json:
    who = identity.actor(record)
    assert who is not None, "checked by _readable"
    action: Json = {
        "id": record["eventID"],
        "actor": {"id": who[0]} if who[1] is None else {"id": who[0], "name": who[1]},
        "type": f"{record['eventSource']}:{record['eventName']}"[: identity.NAME_CHARACTERS_MAX],
        "resource": identity.resource(record),
        "timestamp": when,
    }
    request = record.get("requestParameters")
    if isinstance(request, Mapping) and request:
        # Only the digest leaves this machine: requests hold names, policies, and by mistake secrets.
        canonical = json.dumps(request, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        action["parameters_digest"] = hashlib.sha256(canonical.encode()).hexdigest()
    trace = record.get("requestID")
    if isinstance(trace, str) and (parsed := ids.parse(trace)) is not None:
        action["trace_id"] = parsed.hex()
    failure = _error(record)
    if failure is not None:
        action["error"] = failure
        if failure["type"] in THROTTLES:
            action["retryable"] = True
    elif (change := _change(record)) is not None:
        action["change"] = change
    return action


def _error(record: Mapping[str, Any]) -> Json | None:
    code, message = record.get("errorCode"), record.get("errorMessage")
    if not code and not message:
        response = record.get("responseElements")
        if isinstance(response, Mapping) and response.get("ConsoleLogin") == "Failure":
            return {"type": "ConsoleLoginFailure", "message": "the login to the console failed"}
        return None
    name = str(code or record["eventName"] + "Failed")
    text = _BLOB.sub(r"\1 [removed]", str(message or code))
    return {"type": name[:256], "message": text[:MESSAGE_CHARACTERS_MAX], "code": name[:256]}


def _change(record: Mapping[str, Any]) -> Json | None:
    """A call that writes is a change of its resource: of permissions where it is about who may what."""
    if record.get("readOnly") is not False or record.get("eventType") != "AwsApiCall":
        return None
    name = str(record["eventName"])
    permission = record["eventSource"] == "iam.amazonaws.com" or any(word in name for word in _PERMISSION)
    return {"kind": "permission" if permission else "config", "summary": name[:256]}
