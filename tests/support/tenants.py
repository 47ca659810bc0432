"""A tenant of one's own on a running Mandate, made through the public door with the operator's token.

Used by the tests of the whole stack and by `bench/`. Everybody who is paged has a path of one webhook receiver
(`gateway.demo.pager.Pager`) as channel.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.cli.client import DEADLINE_S, Client
from gateway.demo.pager import Pager
from tests.support.waiting import auntil

# The outbox writes an announcement in well under a second; a broker that restarts takes up to 14 s.
ANNOUNCED_S = 120.0
TOKEN_BYTES = 32
AGENT = "agent"
Json = dict[str, Any]


@dataclass(frozen=True)
class Tenant:
    """A configured tenant: the gateway's address and everybody's token."""

    name: str
    url: str
    tokens: Mapping[str, str] = field(repr=False)

    def client(self, subject: str = AGENT, *, deadline_s: float = DEADLINE_S) -> Client:
        """A client that speaks for one of its people or agents; use it as a context manager."""
        return Client(self.url, self.tokens[subject], deadline_s=deadline_s)


async def configure(
    url: str,
    operator_token: str,
    name: str,
    pager: Pager,
    *,
    steps: Sequence[tuple[str, int]] = (("alice", 600),),
    rounds: int = 1,
    agents: Sequence[str] = (AGENT,),
) -> Tenant:
    """Make the tenant: `steps` are (person, seconds until the next), paged for every resource.

    Gives `pager` the tenant's secret, so one pager serves one tenant. Returns once every document has been
    announced to the processors.
    """
    people = list(dict.fromkeys(person for person, _ in steps))
    tokens = {subject: secrets.token_urlsafe(TOKEN_BYTES) for subject in (*agents, *people)}
    kinds = {subject: "agent" if subject in agents else "person" for subject in tokens}
    body: Json = {
        "documents": documents(pager.url, people, steps, rounds),
        "tokens": [
            {"sha256": hashlib.sha256(token.encode()).hexdigest(), "subject": subject, "kind": kinds[subject]}
            for subject, token in tokens.items()
        ],
    }
    path = f"/v1/tenants/{name}/configuration"
    async with Client(url, operator_token) as operator:
        await operator.request("PUT", path, body=body)

        async def announced() -> str:
            answer = await operator.get(path)
            told = answer["announced"]
            return str(answer["webhook_secret"]) if told and all(told.values()) else ""

        pager.secret = await auntil(announced, ANNOUNCED_S, f"the configuration of {name} to be announced")
    return Tenant(name, url, tokens)


def documents(pager_url: str, people: Sequence[str], steps: Sequence[tuple[str, int]], rounds: int) -> Json:
    """The documents of a tenant with one policy for everything; the last of `people` is the fallback contact."""
    return {
        "people": {
            "people": [
                {"id": person, "channels": [{"kind": "webhook", "address": f"{pager_url}/{person}"}]}
                for person in people
            ],
            "fallback_contact": people[-1],
        },
        "escalation": {
            "default_policy": "everything",
            "policies": [
                {
                    "id": "everything",
                    "rounds": rounds,
                    "steps": [{"person": person, "wait_s": wait} for person, wait in steps],
                }
            ],
        },
    }


async def commanded(client: Client, path: str, **body: Any) -> Json:
    """The answer of a command, however late: 202 is asked again under the same key, which is one command.

    Raises Refused as the door says it.
    """
    key = str(uuid.uuid4())

    async def answered() -> Json:
        status, answer = await client.request("POST", path, body=body, key=key)
        return answer if status != 202 else {}

    return await auntil(answered, ANNOUNCED_S, f"the answer to {path}")


def work(resource: str = "shop", *, actor: str = AGENT, **more: Any) -> Json:
    """An action that went well, with an id of its own, so it may be sent again."""
    return {"id": str(uuid.uuid4()), "actor": actor, "type": "work.do", "resource": resource, **more}


def failure(resource: str, *, kind: str = "PaymentError", message: str = "pool exhausted", **more: Any) -> Json:
    """An action that failed, which nobody will try again."""
    return work(resource, error={"type": kind, "message": message}, **more)
