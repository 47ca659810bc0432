"""Where a webhook may go by its text: hostile forms of an address, and what tenant and operator allow."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from processors.effects.addresses import Rules, address_refusal, refusal, rules_from
from schemas.configuration import parse_document
from schemas.errors import ConfigurationError, MandateError

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
