"""Where a webhook may go: hostile forms of an address, names that lead inside, and what tenant and operator allow."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from typing import Any

import psycopg
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer

from processors.effects import addresses, guard
from processors.effects.addresses import Rules, address_refusal, refusal, rules_from
from processors.effects.channels import Verdict
from processors.effects.secrets import Secrets
from processors.effects.targets import Targets
from processors.effects.webhook import Webhook
from schemas.configuration import parse_document
from schemas.errors import ConfigurationError, MandateError
from schemas.messages.notifications import Channel
from tests.support.effects import page_requested

STRICT = Rules()
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
DEVELOPMENT = Rules(True, LOOPBACK)
INSIDE = Rules(False, (ip_network("10.1.0.0/16"),))

# Every one of them leads, or may lead, to a machine inside, or hides where it leads.
HOSTILE = {
    # IPv4 in other clothes
    "127.0.0.1": "target_address",
    "127.1": "target_host",
    "127.0.1": "target_host",
    "0": "target_host",
    "2130706433": "target_host",
    "2852039166": "target_host",
    "017700000001": "target_host",
    "0x7f000001": "target_host",
    "0X7F.1": "target_host",
    "0x7f.0.0.1": "target_host",
    "0177.0.0.1": "target_host",
    "0x0a.1": "target_host",
    "127.0.0.01": "target_host",
    "256.1.1.1": "target_host",
    "1.2.3.4.5": "target_host",
    "pager.example.0x7f": "target_host",
    "127.0.0.1.": "target_host",
    "127.0.0.1..": "target_host",
    "%31%32%37.0.0.1": "target_host",
    "127%2e0%2e0%2e1": "target_host",
    # what is not public
    "0.0.0.0": "target_address",
    "10.0.0.1": "target_address",
    "100.64.0.1": "target_address",
    "100.100.100.200": "target_address",
    "168.63.129.16": "target_address",
    "169.254.169.254": "target_address",
    "172.16.0.1": "target_address",
    "192.0.0.192": "target_address",
    "192.0.2.1": "target_address",
    "192.88.99.1": "target_address",
    "192.168.1.1": "target_address",
    "198.18.0.1": "target_address",
    "224.0.0.1": "target_address",
    "240.0.0.1": "target_address",
    "255.255.255.255": "target_address",
    # IPv6, and IPv4 inside it
    "[::1]": "target_address",
    "[::]": "target_address",
    "[0:0:0:0:0:0:0:1]": "target_address",
    "[::ffff:127.0.0.1]": "target_address",
    "[::ffff:7f00:1]": "target_address",
    "[::ffff:8.8.8.8.8]": "target_malformed",
    "[::127.0.0.1]": "target_address",
    "[::7f00:1]": "target_address",
    "[64:ff9b::7f00:1]": "target_address",
    "[64:ff9b::169.254.169.254]": "target_address",
    "[64:ff9b:1::7f00:1]": "target_address",
    "[2002:7f00:1::]": "target_address",
    "[2002:808:808::1]": "target_address",
    "[2001:0:7f00:1::1]": "target_address",
    "[2001:db8::1]": "target_address",
    "[3fff::1]": "target_address",
    "[fc00::1]": "target_address",
    "[fd00:ec2::254]": "target_address",
    "[fec0::1]": "target_address",
    "[fe80::1]": "target_address",
    "[fe80::1%25eth0]": "target_host",
    "[fe80::1%eth0]": "target_host",
    "[::1%1]": "target_host",
    "[ff02::1]": "target_address",
    "[5f00::1]": "target_address",
    # names of this machine, and hosts that hide
    "localhost": "target_address",
    "LOCALHOST": "target_address",
    "localhost.": "target_host",
    "pager.localhost": "target_address",
    "ip6-localhost": "target_address",
    "pager.example.": "target_host",
    "pager..example": "target_host",
    "-pager.example": "target_host",
    "pager_.example": "target_host",
    "pager.example\\@127.0.0.1": "target_malformed",
    "user@127.0.0.1": "target_credentials",
    "user:pw@pager.example": "target_credentials",
    "@pager.example": "target_credentials",
    "pager.example:80@127.0.0.1": "target_credentials",
    "１２７.０.０.１": "target_malformed",
    "①②⑦.⓪.⓪.①": "target_malformed",
    "127。0。0。1": "target_malformed",
    "ⓛocalhost": "target_malformed",
    "pagér.example": "target_malformed",
    "pager.example\t": "target_malformed",
    "pager .example": "target_malformed",
    "": "target_scheme",
    "[127.0.0.1]": "target_malformed",
    "[::1": "target_malformed",
    # ports
    "pager.example:22": "target_port",
    "pager.example:0": "target_port",
    "pager.example:6379": "target_port",
    "pager.example:8080": "target_port",
    "pager.example:99999": "target_malformed",
    "pager.example:x": "target_malformed",
}


@pytest.mark.parametrize(("host", "code"), HOSTILE.items(), ids=[ascii(h)[1:-1] for h in HOSTILE])
def test_a_hostile_form_is_refused_with_its_code(host: str, code: str) -> None:
    found = refusal(f"https://{host}/hook", STRICT)
    assert found is not None
    # Python 3.11 and 3.13 differ in which of the two reads a bracketed address as none at all.
    assert found.code == code or (host.startswith("[") and found.code in ("target_malformed", "target_host"))


def test_there_are_more_than_the_36_forms_of_the_list() -> None:
    assert len(HOSTILE) >= 36


@pytest.mark.parametrize(
    "url",
    [
        "https://pager.example/hook",
        "https://pager.example:8443/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://xn--pagr-9oa.example/",
        "https://a.b.c.example/?x=1#y",
        "HTTPS://Pager.Example/",
        "https://1password.example/",
    ],
)
def test_what_is_public_is_allowed(url: str) -> None:
    assert refusal(url, STRICT) is None


@pytest.mark.parametrize("url", ["http://pager.example/", "ftp://pager.example/", "file:///etc/passwd", "pager", ""])
def test_only_https_outside_development(url: str) -> None:
    found = refusal(url, STRICT)
    assert found is not None
    assert found.code == "target_scheme"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:9999/", None),
        ("http://localhost/", None),
        ("http://[::1]:8080/", None),
        ("https://pager.example:9443/", None),
        ("http://10.0.0.1/", "target_address"),
        ("http://169.254.169.254/", "target_address"),
        ("http://127.0.0.1:22/", "target_port"),
        ("ftp://127.0.0.1/", "target_scheme"),
    ],
)
def test_development_allows_what_the_operator_opened(url: str, code: str | None) -> None:
    found = refusal(url, DEVELOPMENT)
    assert (None if found is None else found.code) == code


def test_development_alone_opens_no_network() -> None:
    assert refusal("http://127.0.0.1:9999/", Rules(True)) is not None


@pytest.mark.parametrize(
    ("url", "allowed", "code"),
    [
        ("https://hooks.example/", ("hooks.example",), None),
        ("https://HOOKS.example/", ("hooks.example",), None),
        ("https://a.hooks.example/", ("*.hooks.example",), None),
        ("https://hooks.example/", ("*.hooks.example",), "target_not_allowed"),
        ("https://evilhooks.example/", ("*.hooks.example", "hooks.example"), "target_not_allowed"),
        ("https://other.example/", ("hooks.example",), "target_not_allowed"),
        ("https://8.8.8.8/", ("hooks.example",), "target_not_allowed"),
        ("https://8.8.8.8/", ("8.8.8.0/24",), None),
        # A tenant's word alone opens nothing.
        ("https://10.2.0.1/", ("10.2.0.0/16",), "target_address"),
        ("https://10.1.0.1/", ("10.1.0.0/16",), None),
        # The operator's word alone opens nothing either.
        ("https://10.1.0.1/", (), "target_address"),
        ("https://10.1.0.1/", ("hooks.example",), "target_address"),
    ],
)
def test_what_the_tenant_allows(url: str, allowed: tuple[str, ...], code: str | None) -> None:
    found = refusal(url, INSIDE, allowed)
    assert (None if found is None else found.code) == code


@pytest.mark.parametrize("network", ["0.0.0.0/0", "169.254.0.0/16"])
def test_metadata_is_never_reached_whatever_is_opened(network: str) -> None:
    rules = Rules(True, (ip_network(network),))
    assert address_refusal("169.254.169.254", rules, named=True) is not None
    assert address_refusal("::ffff:169.254.169.254", rules, named=True) is not None


@pytest.mark.parametrize("text", ["", "x", "127.1", "fe80::1%eth0", "1.1.1.1%eth0"])
def test_an_address_that_cannot_be_read_is_refused(text: str) -> None:
    assert address_refusal(text, DEVELOPMENT, named=True) is not None


def test_the_operators_settings_are_checked() -> None:
    assert rules_from({}) == Rules()
    for wrong in ({"MANDATE_ENVIRONMENT": "prod"}, {"MANDATE_WEBHOOK_NETWORKS": "10.0.0.1/8"}):
        with pytest.raises(MandateError) as caught:
            rules_from(wrong)
        assert caught.value.code == "setting_invalid"
    with pytest.raises(MandateError):
        rules_from({"MANDATE_WEBHOOK_NETWORKS": ",".join(["10.0.0.0/8"] * 40)})


@pytest.mark.parametrize("entry", ["hooks.example", "*.hooks.example", "localhost", "10.1.0.0/16", "fd00::/8"])
def test_an_entry_of_the_document_that_is_one(entry: str) -> None:
    assert parse_document("targets", f'{{"webhooks":["{entry}"]}}'.encode()).webhooks == (entry,)  # type: ignore[union-attr]  # the name says which document


@pytest.mark.parametrize(
    "entry",
    [
        "",
        " *",
        " *.",
        " *.com",
        " a*.example",
        " https://hooks.example",
        " HOOKS.example",
        " 10.1.0.1",
        " 127.1",
        " 10.1.2.3/16",
        " hooks.example/",
        "hooks.example:443",
        " hooks.example.",
        " １.example",
        [
            "",
            "*",
            "*.",
            "*.com",
            "a*.example",
            "https://hooks.example",
            "HOOKS.example",
            "10.1.0.1",
            "127.1",
            "10.1.2.3/16",
            "hooks.example/",
            "hooks.example:443",
            "hooks.example.",
            "hooks..example",
            "１.example",
            "*.*.example",
            "-a.example",
        ],
        " hooks..example",
        " -a.example",
    ],
)
def test_an_entry_of_the_document_that_is_none_is_named(entry: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_document("targets", f'{{"webhooks":["ok.example","{entry}"]}}'.encode())
    assert caught.value.field == "targets.webhooks.1"


# --- at the socket -------------------------------------------------------------------------------------------------


class Names(AbstractResolver):
    """Answers of a name server: each name's answers in turn, the last one for ever. A CNAME is followed already."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self._answers = answers
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        """As a system's resolver."""
        self.asked += 1
        turns = self._answers[host]
        found = turns.pop(0) if len(turns) > 1 else turns[0]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def receiver() -> AsyncIterator[TestServer]:
    """Somebody on this machine, who must not be reached from outside of development."""
    reached: list[str] = []

    async def take(request: web.Request) -> web.Response:
        reached.append(request.host)
        if request.path == "/away":
            raise web.HTTPFound("http://127.0.0.1:1/")
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/{tail:.*}", take)])
    server = TestServer(app)
    server.reached = reached  # type: ignore[attr-defined]  # only this test's
    await server.start_server()
    yield server
    await server.close()


async def _send(
    url: str, rules: Rules, names: Names | None = None, allowed: tuple[str, ...] = (), times: int = 1
) -> list[Verdict]:
    async def secret(_: str) -> str:
        return "whsec_" + "A" * 43 + "="

    async def list_(_: str) -> tuple[str, ...]:
        return allowed

    hook = Webhook(Secrets(secret), Targets(list_), "https://mandate.example", rules=rules, resolver=names)
    try:
        return [await hook.send(page_requested(channel=Channel("webhook", url))) for _ in range(times)]
    finally:
        await hook.close()


def _codes(verdicts: list[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        yield f"{verdict.outcome} {verdict.detail.rpartition('[')[2].rstrip(']')}"


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["10.0.0.1"],
        ["64:ff9b::7f00:1"],
    ],
    ids=str,
)
async def test_a_name_that_leads_inside_is_refused_also_among_public_answers(answer: list[str]) -> None:
    found = await _send("https://hooks.example/x", STRICT, Names({"hooks.example": [answer]}))
    assert list(_codes(found)) == ["failed target_address"]


async def test_every_attempt_resolves_and_is_checked_anew(receiver: TestServer) -> None:
    """DNS rebinding: what was allowed a moment ago leads inside now, and the other way round."""
    names = Names({"hooks.example": [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"], ["127.0.0.1", "10.0.0.1"]]})
    found = await _send(f"http://hooks.example:{receiver.port}/x", DEVELOPMENT, names, times=4)
    assert [v.outcome for v in found] == ["delivered", "failed", "delivered", "failed"]
    assert found[1].detail.endswith("[target_address]")
    assert names.asked == 4
    assert len(receiver.reached) == 2  # type: ignore[attr-defined]  # see the fixture


async def test_the_socket_itself_is_guarded(receiver: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the check of the text and of the resolver lost, the socket would still not be made."""
    monkeypatch.setattr(addresses, "refusal", lambda *_: None)
    monkeypatch.setattr(guard.GuardedResolver, "resolve", lambda self, *a, **k: self._inner.resolve(*a, **k))
    for url, names in (
        (f"http://127.0.0.1:{receiver.port}/x", None),
        (f"http://hooks.example:{receiver.port}/x", Names({"hooks.example": [["127.0.0.1"]]})),
    ):
        assert list(_codes(await _send(url, STRICT, names))) == ["failed target_address"]
    assert receiver.reached == []  # type: ignore[attr-defined]  # see the fixture


async def test_numbers_that_only_the_system_reads_are_not_given_to_it(receiver: TestServer) -> None:
    for host in ("127.1", "2130706433", "0x7f000001", "017700000001"):
        found = await _send(f"http://{host}:{receiver.port}/x", DEVELOPMENT)
        assert list(_codes(found)) == ["failed target_host"]
    assert receiver.reached == []  # type: ignore[attr-defined]  # see the fixture


async def test_a_private_target_needs_the_operators_word_and_the_tenants(receiver: TestServer) -> None:
    names = {"hooks.inside.example": [["127.0.0.1"]]}
    production = Rules(False, LOOPBACK)
    for rules, allowed, code in (
        (production, (), "target_address"),
        (STRICT, ("hooks.inside.example",), "target_address"),
        (production, ("other.example",), "target_not_allowed"),
    ):
        found = await _send("https://hooks.inside.example:8443/", rules, Names(names), allowed)
        assert list(_codes(found)) == [f"failed {code}"]
    # Both: it is tried, and nobody listens there.
    found = await _send("https://hooks.inside.example:8443/", production, Names(names), ("hooks.inside.example",))
    assert found[0].detail.startswith("no connection: ")
    found = await _send("https://hooks.inside.example:8443/", production, Names(names), ("127.0.0.0/8",))
    assert found[0].detail.startswith("no connection: ")


async def test_a_public_answer_outside_the_tenants_network_is_refused() -> None:
    names = Names({"hooks.example": [["8.8.8.8"]]})
    found = await _send("https://hooks.example/", STRICT, names, ("1.1.1.0/24",))
    assert list(_codes(found)) == ["failed target_not_allowed"]


async def test_a_redirect_is_not_followed(receiver: TestServer) -> None:
    found = await _send(f"http://127.0.0.1:{receiver.port}/away", DEVELOPMENT)
    assert (found[0].outcome, found[0].detail) == ("failed", "HTTP 302 (redirects are not followed)")


async def test_without_the_tenants_list_nothing_is_sent() -> None:
    async def away(_: str) -> None:
        raise psycopg.OperationalError

    with pytest.raises(MandateError) as caught:
        await Targets(away).of("shop")
    assert caught.value.code == "targets_unreadable"
