"""Pure calculations of signals: the fingerprint of an error, and whether another try is to be expected.

The normalised message keeps what names the fault and drops what names the case: numbers, ids, hexadecimal, paths,
addresses, quoted strings become `…`. One pass over at most 2,000 characters; every pattern is a plain character class,
so the time is linear whatever an agent sends.
"""

from __future__ import annotations

import re

from schemas.expressions import compiled
from schemas.head import Head
from schemas.ids import derive
from schemas.messages.actions import RETRYABLE, Action
from schemas.signal_rules import Signals, covers

MESSAGE_CHARACTERS = 2_000
NORMALISED_CHARACTERS = 300
GAP = "…"

# Quoted strings of at most 200 characters without a line break; a longer or unclosed quote stays text.
_QUOTED = re.compile(r"\"[^\"\n]{0,200}\"|`[^`\n]{0,200}`|(?<![A-Za-z0-9])'[^'\n]{0,200}'(?![A-Za-z0-9])")
_TOKEN = re.compile(r"[A-Za-z0-9_./:@\\%+~$#*=&?-]+")
_DIGIT = re.compile(r"[0-9]")
_HEX = re.compile(r"\A[0-9A-Fa-f-]{8,}\Z")
_SPACES = re.compile(r"\s+")
_GAPS = re.compile(r"…(?:[\s,;:.-]*…)+")
# Names that contain digits and are no ids.
_NAMES = frozenset(
    name
    for line in (
        "s3 ec2 x509 x86 i18n k8s h2 http2 http1 utf8 utf-8 utf-16 ipv4 ipv6 sha1 sha256 sha512 md5 base64 oauth2",
        "log4j tls1.2 tls1.3 v1 v2 v3 v4 route53 p12 int32 int64 uint32 uint64 float32 float64 latin1 iso-8859-1",
    )
    for name in line.split()
)
# After these words a short number names the fault, not the case: HTTP 503, exit code 137, SQLSTATE 23505.
_CODES = frozenset(("http", "status", "code", "sqlstate", "errno", "error", "signal", "exit", "returned"))
CODE_CHARACTERS = 5
BLOB_CHARACTERS = 40
# A name made by joining at least four words (a role, a host, a queue): prose rarely joins more than three.
JOINED_CHARACTERS = 20
JOINTS = 3


def normalise(message: str) -> str:
    """The message without what differs from case to case."""
    text = _QUOTED.sub(GAP, message[:MESSAGE_CHARACTERS])
    out: list[str] = []
    at = 0
    before = ""
    for found in _TOKEN.finditer(text):
        token = found.group()
        out += (text[at : found.start()], _token(token, before))
        at = found.end()
        before = token.lower().strip(":.=")
    out.append(text[at:])
    whole = _GAPS.sub(GAP, _SPACES.sub(" ", "".join(out)).strip())
    return whole[:NORMALISED_CHARACTERS]


def _token(token: str, before: str) -> str:
    core = token.strip(".:=-")
    lower = core.lower()
    if "=" in core and not core.startswith("="):
        name, _, value = core.partition("=")
        if name.lower() in _CODES and _is_code(value):
            return token
        return token.replace(core, f"{name}={GAP if value else ''}")
    if len(core) > BLOB_CHARACTERS:  # with what it begins and ends with: encoded texts do so by chance
        return GAP
    if _is_place(core) or (core.count("-") >= JOINTS and len(core) >= JOINED_CHARACTERS):
        return token.replace(core, GAP)
    if ":" in core:  # ec2:DescribeInstances, Foo.java:42: each side for itself
        return token.replace(core, ":".join(_token(piece, before) for piece in core.split(":")))
    if not _DIGIT.search(core):
        return token.replace(core, GAP) if _HEX.match(core) else token
    if lower in _NAMES or (before in _CODES and _is_code(core)):
        return token
    return token.replace(core, GAP)


def _is_code(text: str) -> bool:
    return text.isalnum() and len(text) <= CODE_CHARACTERS


def _is_place(core: str) -> bool:
    """Paths, URLs, ARNs, addresses: they say where, not what."""
    return (
        core.startswith(("/", "./", "../", "~/", "arn:"))
        or "://" in core
        or "\\" in core
        or core.count("/") >= 2
        or ("@" in core and "." in core)
    )


def fingerprint(error_type: str, message: str) -> str:
    """What two cases of one fault share: 32 hexadecimal digits of the error's type and its normalised message."""
    return derive("fingerprint", error_type, normalise(message)).hex()


def grouped(settings: Signals, resource: str, error_type: str, message: str) -> str:
    """The fingerprint under a tenant's grouping rules, the first that matches; else that of type and message."""
    text = message[:MESSAGE_CHARACTERS]
    for rule in settings.grouping:
        if not covers(rule.resource, resource) or rule.error_type not in ("", error_type):
            continue
        if rule.prefix:
            if text.startswith(rule.prefix):
                return derive("grouped", rule.name).hex()
            continue
        found = compiled(rule.pattern).search(text)
        if found is not None:
            return derive("grouped", rule.name, *(group or "" for group in found.groups())).hex()
    return fingerprint(error_type, message)


def expects_another_try(head: Head, action: Action, settings: Signals, tries: int) -> bool:
    """Whether another try is to be expected after `tries` failed ones that were waited for (this one included)."""
    limit = action.attempt_limit if action.attempt_limit is not None else settings.retry_limit
    if max(action.attempt, tries) >= limit:
        return False
    if head.traits & RETRYABLE:
        return True
    return action.error is not None and action.error.type in settings.transient_errors


def event_time(head: Head, flags: tuple[str, ...]) -> int:
    """The time that groups (ms): the agent's, or the gateway's when the agent's clock is flagged."""
    flagged = "future_timestamp" in flags or "stale_timestamp" in flags
    return head.received_at if flagged else head.timestamp
