"""Where a webhook may be sent. One function, so that a stricter rule has one place."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
URL_LIMIT = 2_048


def refusal(url: str, *, allow_http: bool) -> str | None:
    """Why nothing is sent to this URL, or None.

    Today's rule: https anywhere; http to this machine's loopback (development), or anywhere with
    MANDATE_WEBHOOK_ALLOW_HTTP; a host must be named; no user or password in the URL. What a name resolves to is not
    looked at yet: tenants that are not trusted with this network need the guard on resolved addresses as well.
    """
    if len(url) > URL_LIMIT or not url.isprintable() or " " in url:
        return "the address is no URL"
    try:
        parts: SplitResult = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises on rubbish
    except ValueError:
        return "the address is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "the address is not http:// or https:// with a host"
    if parts.username is not None or parts.password is not None:
        return "the address carries a user or password"
    if parts.scheme == "http" and host not in LOOPBACK and not allow_http:
        return "http:// is only allowed to this machine (set MANDATE_WEBHOOK_ALLOW_HTTP=1 to allow it)"
    return None
