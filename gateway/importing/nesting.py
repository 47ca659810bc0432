"""Which access happened inside which: only where ids in the records say so. Pure.

Three kinds of ids say it: one `requestID` (or `sharedEventID`) on several records; the secret version in the
encryption context of a key's use, which is the version a secret was read as or the token it was written with;
the parameter's ARN in the same place. The second and third name a thing and not an access, so the nearest
access in time is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.importing import identity

# A key is used inside the call that needs it; CloudTrail's times are whole seconds, so both neighbours are
# allowed.
NEAR_MS = 2_000

Record = Mapping[str, Any]


def parents(records: Sequence[tuple[Record, int]]) -> dict[int, int]:
    """For each record that is nested, its place and its parent's place. `records` are (record, event time in
    ms)."""
    found: dict[int, int] = {}
    for key in ("requestID", "sharedEventID"):
        for group in _groups(records, key):
            parent = _caller(records, group)
            if parent is not None:
                found.update({place: parent for place in group if place != parent and place not in found})
    _key_uses(records, found)
    return found


def _groups(records: Sequence[tuple[Record, int]], key: str) -> list[list[int]]:
    by_id: dict[str, list[int]] = {}
    for place, (record, _) in enumerate(records):
        value = record.get(key)
        if isinstance(value, str) and value:
            by_id.setdefault(value, []).append(place)
    return [group for group in by_id.values() if len(group) > 1]


def _caller(records: Sequence[tuple[Record, int]], group: Sequence[int]) -> int | None:
    """The one record of a request that no service made for somebody; among services' own, the first in
    time."""
    callers = [place for place in group if not _by_service(records[place][0])]
    if len(callers) == 1:
        return callers[0]
    return min(group, key=lambda place: (records[place][1], place)) if not callers else None


def _by_service(record: Record) -> bool:
    who = record.get("userIdentity")
    return isinstance(who, Mapping) and (bool(who.get("invokedBy")) or who.get("type") == "AWSService")


def _key_uses(records: Sequence[tuple[Record, int]], found: dict[int, int]) -> None:
    accesses: dict[str, list[int]] = {}
    for place, (record, _) in enumerate(records):
        for name in _accessed(record):
            accesses.setdefault(name, []).append(place)
    used: set[int] = set()
    for place, (record, at) in enumerate(records):
        if place in found or record.get("eventSource") != "kms.amazonaws.com" or not _by_service(record):
            continue
        near = [
            (
                _reads(record) and not records[other][0].get("readOnly"),
                abs(records[other][1] - at),
                other in used,
                other,
            )
            for name in _context(record)
            for other in accesses.get(name, ())
            if other not in found
            and identity.actor(records[other][0]) == identity.actor(record)
            and (_reads(record) or records[other][0].get("readOnly") is False)
            and abs(records[other][1] - at) <= NEAR_MS
        ]
        if near:
            parent = min(near)[-1]
            used.add(parent)
            found[place] = parent


def _reads(record: Record) -> bool:
    """Decrypting is of reading first (a write decrypts too); encrypting is of writing only."""
    return record.get("eventName") == "Decrypt"


def _context(record: Record) -> list[str]:
    """What a use of a key says it was for."""
    request = record.get("requestParameters")
    context = request.get("encryptionContext") if isinstance(request, Mapping) else None
    if not isinstance(context, Mapping):
        return []
    named = (("version", context.get("SecretVersionId")), ("parameter", context.get("PARAMETER_ARN")))
    return [f"{kind}:{value.lower()}" for kind, value in named if isinstance(value, str)]


def _accessed(record: Record) -> list[str]:
    """What an access of a secret or a parameter can be known by."""
    source = record.get("eventSource")
    request, response = record.get("requestParameters"), record.get("responseElements")
    out: list[str] = []
    if source == "secretsmanager.amazonaws.com":
        for part, key in ((request, "versionId"), (request, "clientRequestToken"), (response, "versionId")):
            value = part.get(key) if isinstance(part, Mapping) else None
            if isinstance(value, str):
                out.append(f"version:{value.lower()}")
    if source == "ssm.amazonaws.com":
        for item in record.get("resources") or ():
            arn = item.get("ARN") if isinstance(item, Mapping) else None
            if isinstance(arn, str):
                out.append(f"parameter:{arn.lower()}")
    return out
