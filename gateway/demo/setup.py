"""The tenant of one run: the next free number, its documents, a token for everybody, all through the public
door."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from gateway.cli.client import Client, Json, Refused
from gateway.demo import shop
from gateway.demo.errors import StoryError
from gateway.demo.waiting import until

# A person plays this a few times a day.
RUNS_MAX = 10_000
TOKEN_BYTES = 32
# The outbox writes an announcement in well under a second; a gateway or broker being restarted takes up to 14
# s.
ANNOUNCED_SECONDS = 60.0

_PEOPLE = tuple(person for person, _, _ in shop.PEOPLE)
_NAME = re.compile(r"\Ademo-([1-9][0-9]{0,5})\Z")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A configured tenant: tokens by subject, and the secret that signs its pages."""

    name: str
    tokens: Mapping[str, str]
    webhook_secret: str


async def configure(operator: Client, pager_url: str, last: str | None) -> Tenant:
    """Make the next tenant (`demo-1`, `demo-2`, …) and wait until its settings are announced.

    `last` is the tenant of the run before, as a hint. Raises StoryError, ClientError.
    """
    found = _NAME.match(last or "")
    number = int(found.group(1)) + 1 if found else 1
    tokens = {name: secrets.token_urlsafe(TOKEN_BYTES) for name in (*shop.AGENTS, *shop.INTEGRATIONS, *_PEOPLE)}
    while number <= RUNS_MAX:
        name = f"demo-{number}"
        if await _free(operator, name) and await _put(operator, name, pager_url, tokens):
            look = partial(_announced, operator, name)
            secret = await until(look, ANNOUNCED_SECONDS, f"the announcement of {name}'s settings")
            return Tenant(name, tokens, secret)
        number += 1
    raise StoryError(
        "story_no_tenant",
        "a tenant for this run",
        f"demo-1 to demo-{RUNS_MAX} are taken",
        "Start afresh: mandate down --purge, mandate up.",
    )


def _path(name: str) -> str:
    return f"/v1/tenants/{name}/configuration"


async def _free(operator: Client, name: str) -> bool:
    try:
        answer = await operator.get(_path(name))
    except Refused as refused:
        if refused.status == 404:
            return True
        raise
    return not any((answer.get("versions") or {}).values())


async def _put(operator: Client, name: str, pager_url: str, tokens: Mapping[str, str]) -> bool:
    """False when somebody else was quicker (or our own answer got lost): then the next number is tried."""
    documents = shop.documents(pager_url)
    body: Json = {
        "documents": documents,
        "tokens": [_token(tokens[agent], agent, "agent", []) for agent in shop.AGENTS]
        + [_token(tokens[name], name, "integration", []) for name in shop.INTEGRATIONS]
        + [_token(tokens[person], person, "person", shop.roles(person)) for person in _PEOPLE],
        "expected": dict.fromkeys(documents, 0),
        "dry_run": False,
    }
    try:
        await operator.request("PUT", _path(name), body=body)
    except Refused as refused:
        if refused.status == 409:
            return False
        raise
    return True


def _token(token: str, subject: str, kind: str, roles: list[str]) -> Json:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return {"sha256": digest, "subject": subject, "kind": kind, "roles": roles}


async def _announced(operator: Client, name: str) -> str | None:
    """The webhook secret, once every document has been announced to the processors."""
    answer = await operator.get(_path(name))
    announced = answer.get("announced") or {}
    if not announced or not all(announced.values()):
        return None
    return str(answer["webhook_secret"])
