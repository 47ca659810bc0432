"""The configuration in force on one partition, and what of a document in parts has come so far (KERNEL 7).

A small document is one `ConfigurationAnnounced`; a larger one is `ConfigurationPart` after `ConfigurationPart` and a
`ConfigurationActivated` with its hash. Parts may come in any order and doubled, before or after the word that
activates them: the version is in force at the record with which it is whole. Until then, and if its bytes are not those
of its hash, nothing changes. Of versions to come only the newest is kept, so an abandoned one costs nothing.
Called by the store. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from schemas import ids
from schemas.announcing import Message
from schemas.configuration import DEFAULTS, MAX_DOCUMENT_BYTES, MAX_PARTS, Document, parse_document
from schemas.errors import SchemaError
from schemas.messages.kernel import ConfigurationActivated, ConfigurationAnnounced, ConfigurationPart

Key = tuple[str, str]
Rows = list[tuple[bytes, Message | None]]
# Keys of the changelog. A part's number is beside its version, so that what comes never overwrites what is in force.
CONFIG = b"\x00config/"
IN_FORCE, NOT_NEWER = "configured", "configuration_not_newer"
REPEATED, AWAITED, DIFFERS = "configuration_repeated", "configuration_part", "configuration_hash_differs"


@dataclass(slots=True)
class _InForce:
    """A version that decides. `body` until it is read; `rows` are its keys on the changelog."""

    version: int
    hash: str
    rows: tuple[bytes, ...]
    body: bytes = b""
    document: Document | None = None


@dataclass(slots=True)
class _Awaited:
    """A newer version of which something is missing."""

    version: int
    activated: ConfigurationActivated | None = None
    parts: dict[int, bytes] = field(default_factory=dict)


class Configurations:
    """All documents of all tenants of one partition. `take` is the only change; a restore takes what was written."""

    def __init__(self) -> None:
        self._force: dict[Key, _InForce] = {}
        self._awaited: dict[Key, _Awaited] = {}

    def document(self, tenant: str, document: str) -> Document:
        """The document in force for a tenant, else the default."""
        found = self._force.get((tenant, document))
        if found is None:
            return DEFAULTS[document]
        if found.document is None:
            found.document, found.body = parse_document(document, found.body), b""
        return found.document

    def versions(self) -> list[tuple[str, str, int, str]]:
        """(tenant, document, version, hash) of all that is in force, by tenant and name."""
        return [(*key, self._force[key].version, self._force[key].hash) for key in sorted(self._force)]

    def ready(self) -> None:
        """After a restore: read what is in force. Raises ConfigurationError for what this code refuses."""
        for tenant, document in self._force:
            self.document(tenant, document)

    def take(self, message: Message, *, restoring: bool = False) -> tuple[str, Rows]:
        """One record: what it did, and the changelog rows that say so (none where nothing changed).

        Raises ConfigurationError for a document that cannot be read, SchemaError `configuration_part_malformed`;
        nothing has changed then. `restoring` leaves the reading to `ready`.
        """
        key = (message.tenant, message.document)
        now, awaited = self._force.get(key), self._awaited.get(key)
        if now is not None and message.version <= now.version:
            return NOT_NEWER, []
        if isinstance(message, ConfigurationAnnounced):
            return self._in_force(
                key, message.version, message.hash, message.body, [(row_of(message), message)], restoring
            )
        _check(message)
        if awaited is not None and message.version < awaited.version:
            return NOT_NEWER, []
        old = [] if awaited is None or awaited.version == message.version else _rows_of(key, awaited)
        here = awaited if awaited is not None and not old else _Awaited(message.version)
        then = _with(here, message)
        if then is None:
            return REPEATED, []
        rows: Rows = [(row_of(message), message)]
        body = _whole(then)
        if body is not None and then.activated is not None:
            if sha256(body).hexdigest() == then.activated.hash:
                return self._in_force(key, then.version, then.activated.hash, body, rows, restoring, then)
            self._awaited[key] = then
            return DIFFERS, rows
        self._awaited[key] = then
        return AWAITED, [*((row, None) for row in old), *rows]

    def _in_force(
        self,
        key: Key,
        version: int,
        digest: str,
        body: bytes,
        rows: Rows,
        restoring: bool,
        whole: _Awaited | None = None,
    ) -> tuple[str, Rows]:
        document = None if restoring else parse_document(key[1], body)
        before, awaited = self._force.get(key), self._awaited.get(key)
        kept = (rows[0][0],) if whole is None else tuple(_rows_of(key, whole))
        gone = list(before.rows) if before is not None else []
        if awaited is not None and awaited.version <= version:
            gone += _rows_of(key, awaited)
            del self._awaited[key]
        self._force[key] = _InForce(version, digest, kept, body if restoring else b"", document)
        return IN_FORCE, [*rows, *((row, None) for row in dict.fromkeys(gone) if row not in kept)]


def row_of(message: Message) -> bytes:
    """The changelog key of a record of configuration."""
    match message:
        case ConfigurationPart():
            return _row((message.tenant, message.document), message.version, str(message.part))
        case ConfigurationActivated():
            return _row((message.tenant, message.document), message.version, "active")
    return CONFIG + ids.key_of(message.tenant, message.document).encode()


class Gathering:
    """Puts parts together for a reader of a log; unlike `Configurations` it keeps no order of versions."""

    def __init__(self) -> None:
        self._there: dict[tuple[str, str, int], _Awaited] = {}

    def add(self, message: Message) -> ConfigurationAnnounced | None:
        """The version that is whole with this record, as if it had been announced in one; else None."""
        if isinstance(message, ConfigurationAnnounced):
            return message
        name = (message.tenant, message.document, message.version)
        then = _with(self._there.get(name) or _Awaited(message.version), message)
        if then is None:
            return None
        self._there[name] = then
        body = _whole(then)
        if body is None or then.activated is None or sha256(body).hexdigest() != then.activated.hash:
            return None
        return ConfigurationAnnounced(*name, then.activated.hash, body)


def in_force(messages: Iterable[Message]) -> list[ConfigurationAnnounced]:
    """The whole documents in these records; older versions too."""
    gathering = Gathering()
    return [whole for whole in map(gathering.add, messages) if whole is not None]


def _row(key: Key, version: int, last: str) -> bytes:
    return CONFIG + ids.key_of(*key, str(version), last).encode()


def _rows_of(key: Key, awaited: _Awaited) -> list[bytes]:
    names = [str(number) for number in sorted(awaited.parts)]
    return [_row(key, awaited.version, name) for name in [*names, *(["active"] if awaited.activated else [])]]


def _with(here: _Awaited, message: ConfigurationPart | ConfigurationActivated) -> _Awaited | None:
    """What is there with this record; None where it says nothing new."""
    if isinstance(message, ConfigurationActivated):
        return None if here.activated == message else _Awaited(here.version, message, here.parts)
    if here.parts.get(message.part) == message.body:
        return None
    return _Awaited(here.version, here.activated, {**here.parts, message.part: message.body})


def _whole(awaited: _Awaited) -> bytes | None:
    if awaited.activated is None:
        return None
    pieces = [awaited.parts.get(number) for number in range(awaited.activated.parts)]
    return None if any(piece is None for piece in pieces) else b"".join(piece or b"" for piece in pieces)


def _check(message: ConfigurationPart | ConfigurationActivated) -> None:
    most = MAX_PARTS.get(message.document, 1)
    if isinstance(message, ConfigurationActivated):
        sound = 1 <= message.parts <= most
    else:
        sound = 0 <= message.part < most and len(message.body) <= MAX_DOCUMENT_BYTES
    if not sound or message.document not in DEFAULTS:
        raise SchemaError(
            "configuration_part_malformed",
            f"document {message.document} version {message.version}",
            f"a document of this name has at most {most} parts of {MAX_DOCUMENT_BYTES} bytes",
            "Announce it as the gateway does.",
        )
