"""What is said of webhook names when a configuration is applied: a warning each, in bounded time, never a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import pytest

from gateway.configuration import resolving
from gateway.configuration.resolving import unreachable
from processors.effects.addresses import Rules
from schemas.configuration import Document, canonical, parse_document


def documents(*hosts: str, targets: tuple[str, ...] = ()) -> Mapping[str, Document]:
    """One person a webhook, and what the tenant allows."""
    people = [
        {"id": f"p{n}", "channels": [{"kind": "webhook", "address": f"https://{host}/page"}]}
        for n, host in enumerate(hosts)
    ]
    plain: dict[str, Any] = {
        "people": {"people": people, "fallback_contact": "p0"},
        "targets": {"webhooks": list(targets)},
    }
    return {name: parse_document(name, canonical(body)) for name, body in plain.items()}


NONE = Rules()
WORLD = {"good.example": ["93.184.216.34"], "inside.example": ["93.184.216.34", "10.0.0.7"], "none.example": []}


async def resolve(host: str) -> list[str]:
    if host not in WORLD:
        raise OSError("no such name")
    return WORLD[host]


async def told(*hosts: str, rules: Rules = NONE, targets: tuple[str, ...] = ()) -> dict[str, tuple[str, str]]:
    said = await unreachable(documents(*hosts, targets=targets), rules, resolve)
    return {hosts[int(field.split(".")[2])]: (code, why) for code, field, why in said}


async def test_what_leads_nowhere_or_inside_is_told_once_for_each_channel():
    said = await told("good.example", "gone.example", "inside.example", "none.example", "gone.example")
    assert {host: code for host, (code, _) in said.items()} == {
        "gone.example": "target_unresolved",
        "inside.example": "target_address",
        "none.example": "target_unresolved",
    }
    assert "10.0.0.7, which is not public" in said["inside.example"][1]
    assert len(await unreachable(documents("gone.example", "gone.example"), Rules(), resolve)) == 2


async def test_a_network_that_operator_and_tenant_open_is_fine():
    rules = Rules(networks=(ip_network("10.0.0.0/8"),))
    assert "inside.example" in await told("inside.example", rules=rules)
    assert await told("inside.example", rules=rules, targets=("inside.example",)) == {}
    assert (await told("good.example", targets=("10.0.0.0/8",)))["good.example"][0] == "target_not_allowed"


async def test_a_resolver_that_never_answers_is_waited_for_once(monkeypatch):
    monkeypatch.setattr(resolving, "WAIT_S", 0.01)
    asked = []

    async def never(host: str) -> list[str]:
        asked.append(host)
        await asyncio.Event().wait()
        return []

    hosts = [f"h{n}.example" for n in range(resolving.NAMES_MAX + 3)]
    said = await unreachable(documents(*hosts), Rules(), never)
    assert len(said) == resolving.NAMES_MAX
    assert {code for code, _, _ in said} == {"target_unresolved"}
    assert len(asked) == resolving.AT_ONCE


@pytest.mark.parametrize("error", [OSError("x"), UnicodeError("label too long")])
async def test_no_error_of_the_resolver_is_an_error_of_the_configuration(error):
    async def failing(host: str) -> list[str]:
        raise error

    assert len(await unreachable(documents("a.example"), Rules(), failing)) == 1
