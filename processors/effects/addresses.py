"""Where a webhook may be sent: the one rule, for an address as it is written and for what its name resolves to. Pure.

Two questions, both asked at every attempt: `refusal` of the URL (before anything is resolved, and when a configuration
is applied), and `address_refusal` of each address that is about to be connected to (guard.py). A text alone cannot
tell: `127.1` is no address to `ipaddress`, and yet the system's resolver connects it to this machine.

    Rules       what the operator says: development or not, and networks that are not public but may be reached
    allowed     what the tenant says: the document `targets` (host names, *.suffix, networks); empty = every public one

A private address needs both: the operator's network and the tenant's word for it. In development the operator's alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, urlsplit

from schemas.errors import MandateError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_LIMIT = 2_048
HOST_LIMIT = 253
PORTS = (443, 8443)
# A machine's own services below 1024 speak no HTTP, except these.
DEVELOPMENT_PORTS = (80, 443)
PRIVILEGED = 1_024
NETWORKS_MAX = 32

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")

# Whatever the operator opens: metadata services, "this network", link-local, multicast, broadcast.
_NEVER: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.100.100.200/32",  # metadata of Alibaba
        "168.63.129.16/32",  # Azure's own services, a public address
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "192.0.0.192/32",  # metadata of Oracle
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "fd00:ec2::254/128",  # metadata of AWS over IPv6
        "fe80::/10",
        "ff00::/8",
    )
)
# What Python's is_global lets through, or did in some release: IANA's special registries and relays.
_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
)
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's: `development` allows http and other ports; `networks` may be reached though not public."""

    development: bool = False
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is sent: a stable code, and one line for people that names no secret."""

    code: str
    why: str

    def __str__(self) -> str:
        return f"{self.why} [{self.code}]"


def rules_from(env: Mapping[str, str]) -> Rules:
    """From MANDATE_ENVIRONMENT (development, else production) and MANDATE_WEBHOOK_NETWORKS (10.1.0.0/16,…).

    Raises MandateError `setting_invalid`.
    """
    kind = env.get("MANDATE_ENVIRONMENT") or "production"
    if kind not in ("development", "production"):
        raise _setting("MANDATE_ENVIRONMENT", f"{kind!r} is none", "Set it to production or development.")
    words = [word.strip() for word in (env.get("MANDATE_WEBHOOK_NETWORKS") or "").split(",") if word.strip()]
    if len(words) > NETWORKS_MAX:
        raise _setting("MANDATE_WEBHOOK_NETWORKS", f"{len(words)} networks", f"Name at most {NETWORKS_MAX}.")
    try:
        return Rules(kind == "development", tuple(ip_network(word) for word in words))
    except ValueError as error:
        raise _setting("MANDATE_WEBHOOK_NETWORKS", str(error), "Write networks like 10.1.0.0/16.") from error


def refusal(url: str, rules: Rules, allowed: Sequence[str] = ()) -> Refusal | None:
    """Why nothing may be sent to this URL, as far as the text says, or None."""
    if len(url) > URL_LIMIT or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return Refusal("target_malformed", "the address is no URL in plain ASCII (write an IDN host as xn--…)")
    try:
        parts: SplitResult = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return Refusal("target_malformed", "the address is no URL")
    if parts.scheme not in ("http", "https") or not host:
        return Refusal("target_scheme", "the address is not https:// with a host")
    if "@" in parts.netloc:
        return Refusal("target_credentials", "the address carries a user or password")
    if parts.scheme == "http" and not rules.development:
        return Refusal("target_scheme", "only https:// is allowed outside development")
    return _host_refusal(host, parts.netloc, rules, allowed) or _port_refusal(parts.scheme, port, rules)


def address_refusal(text: str, rules: Rules, named: bool) -> Refusal | None:
    """Why this numeric address may not be connected to, or None. `named`: the tenant's document names its host."""
    try:
        found = ip_address(text)
    except ValueError:
        # A zone id (fe80::1%eth0) is for this machine's own links, everything else is no address at all.
        return Refusal("target_address", "it leads to an address that cannot be checked")
    inner = _inner(found)
    if any(inner in network for network in _NEVER if network.version == inner.version):
        return Refusal("target_address", f"it leads to {found}, which is never allowed")
    if _is_public(inner):
        return None
    if (named or rules.development) and any(inner in n for n in rules.networks if n.version == inner.version):
        return None
    return Refusal("target_address", f"it leads to {found}, which is not public")


def names(host: str, address: str | None, allowed: Sequence[str]) -> bool:
    """Does the tenant's document name this host, or this numeric address?"""
    numeric = None if address is None else _numeric(address)
    for entry in allowed:
        if entry == host or (entry.startswith("*.") and host.endswith(entry[1:])):
            return True
        if "/" in entry and numeric is not None:
            network = ip_network(entry)
            if network.version == numeric.version and numeric in network:
                return True
    return False


def _host_refusal(host: str, netloc: str, rules: Rules, allowed: Sequence[str]) -> Refusal | None:
    if "[" in netloc or ":" in host:
        literal = _numeric(host)
        if literal is None or "%" in host:
            return Refusal("target_host", "the host is no plain IPv6 address")
        return _literal_refusal(host, rules, allowed)
    labels = host.split(".")
    # As browsers tell it: a host whose last label is a number is an address, and there is one way to write that.
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        if _numeric(host) is None:
            return Refusal("target_host", "the host is an address in another form than 192.0.2.1")
        return _literal_refusal(host, rules, allowed)
    if len(host) > HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in labels):
        return Refusal("target_host", "the host is no plain name (letters, digits and dashes between dots)")
    if host in _LOCAL or host.endswith(".localhost"):
        return address_refusal("127.0.0.1", rules, names(host, "127.0.0.1", allowed))
    # A network among the entries can only be judged when the name is resolved: then it is (guard.py).
    if allowed and not names(host, None, allowed) and not any("/" in entry for entry in allowed):
        return _not_allowed()
    return None


def _literal_refusal(host: str, rules: Rules, allowed: Sequence[str]) -> Refusal | None:
    named = names(host, host, allowed)
    return address_refusal(host, rules, named) or (_not_allowed() if allowed and not named else None)


def not_allowed(host: str, address: str, allowed: Sequence[str]) -> Refusal | None:
    """Why the tenant's own document does not allow this host at this address, or None."""
    return None if not allowed or names(host, address, allowed) else _not_allowed()


def _not_allowed() -> Refusal:
    return Refusal("target_not_allowed", "the tenant's document `targets` does not name this host")


def _port_refusal(scheme: str, port: int | None, rules: Rules) -> Refusal | None:
    wanted = (443 if scheme == "https" else 80) if port is None else port
    if wanted in PORTS or (rules.development and (wanted in DEVELOPMENT_PORTS or wanted >= PRIVILEGED)):
        return None
    return Refusal("target_port", f"port {wanted} is not allowed; use 443 or 8443")


def _numeric(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _inner(found: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where a connection would really go there."""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _NAT64:
            return IPv4Address(int(found) & 0xFFFF_FFFF)
    return found


def _is_public(found: Address) -> bool:
    if any(found in network for network in _SPECIAL if network.version == found.version):
        return False
    # 2000::/3 is all of IPv6 that is given out: what is left are compatible, site-local, translated forms.
    return found.is_global and not found.is_multicast and (found.version == 4 or found in _UNICAST)


def _setting(name: str, why: str, remedy: str) -> MandateError:
    return MandateError("setting_invalid", f"setting {name}", why, remedy)
