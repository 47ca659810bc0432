"""What an entry of the configuration document `targets` may be. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_network

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_LENGTH_MAX = 253


def is_target(entry: str) -> bool:
    """A host name in lower case (an IDN as xn--…), `*.` and a name of two labels or more, or a network in CIDR form."""
    if "/" in entry:
        try:
            return str(ip_network(entry)) == entry
        except ValueError:
            return False
    name = entry.removeprefix("*.")
    # `*.example.com` names the hosts of one owner; `*.com` would name everybody's, and a number is an address.
    return (
        len(entry) <= _LENGTH_MAX
        and _HOST.fullmatch(name) is not None
        and not name.rpartition(".")[2].isdigit()
        and (name == entry or "." in name)
    )
