"""How a version of a configuration document is said on the log: whole, or in parts and then activated. Pure."""

from __future__ import annotations

from schemas.configuration import MAX_DOCUMENT_BYTES
from schemas.messages.kernel import ConfigurationActivated, ConfigurationAnnounced, ConfigurationPart

Message = ConfigurationAnnounced | ConfigurationPart | ConfigurationActivated


def announcements(tenant: str, document: str, version: int, digest: str, body: bytes) -> list[Message]:
    """The records of one version in their order; one where the document fits into it. `digest`: its SHA-256."""
    if len(body) <= MAX_DOCUMENT_BYTES:
        return [ConfigurationAnnounced(tenant, document, version, digest, body)]
    pieces = [body[at : at + MAX_DOCUMENT_BYTES] for at in range(0, len(body), MAX_DOCUMENT_BYTES)]
    parts: list[Message] = [ConfigurationPart(tenant, document, version, n, piece) for n, piece in enumerate(pieces)]
    return [*parts, ConfigurationActivated(tenant, document, version, digest, len(pieces))]


def place_in(message: Message) -> tuple[str, ...]:
    """What tells this record from the others of its version, for its id; nothing for a whole one."""
    match message:
        case ConfigurationPart():
            return ("part", str(message.part))
        case ConfigurationActivated():
            return ("activated",)
    return ()
