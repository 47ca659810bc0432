"""Names of keys in Redis: the one place that makes them, so that tenants and versions stay apart.

    t:<tenant>:<read model>:<version>:…    what belongs to a tenant (an ACL by tenant is `~t:<tenant>:*`)
    mandate:<read model>:<version>:…       positions and the read model's own books; no tenant's content
    g<n>:<one of the above>                the same of a generation that does not serve (projections/rebuild_redis.py)
    rebuild:<read model>:<version>:…       which generations there are, and the lock and hold of a rebuild

Pure. Names of tenants are percent-encoded: no name can end another's prefix, and none is a pattern.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

TENANTS = "t:"
OWN = "mandate:"


def tenant_key(tenant: str, model: str, version: int, rest: str = "") -> str:
    """A key (or with `rest` empty: the prefix of all keys) of one tenant in one read model."""
    return f"{TENANTS}{escape(tenant)}:{model}:{version}:{rest}"


def own_key(model: str, version: int, rest: str) -> str:
    """A key of the read model itself."""
    return f"{OWN}{model}:{version}:{rest}"


def positions_key(model: str, version: int) -> str:
    """Where a read model's positions are: a hash of `topic/partition` to `next_offset append_time since`."""
    return own_key(model, version, "positions")


def torn_key(model: str, version: int) -> str:
    """There while a script has written something and has not moved the positions: it ended half-way."""
    return own_key(model, version, "torn")


def patterns(model: str, version: int) -> tuple[str, str]:
    """SCAN patterns that find every key of a read model."""
    return f"{TENANTS}*:{model}:{version}:*", f"{OWN}{model}:{version}:*"


def owner(key: str) -> str:
    """Whose a key is: a tenant's name, or for a read model's own books `mandate:<read model>`."""
    kind, name, _ = key.split(":", 2)
    return unescape(name) if f"{kind}:" == TENANTS else f"{kind}:{name}"


def generation_prefix(number: int) -> str:
    """What stands before every key of a generation that does not serve."""
    return f"g{number}:"


def rebuild_key(model: str, version: int, rest: str) -> str:
    """A key of the rebuild of a read model; no pattern of the read model's finds it."""
    return f"rebuild:{model}:{version}:{rest}"


def hold_key(model: str, version: int) -> str:
    """While it is there, what serves is not written."""
    return rebuild_key(model, version, "hold")


def escape(name: str) -> str:
    """A name without `:`, `*`, `?`, `[`, `{` and blanks."""
    return quote(name, safe="")


def unescape(name: str) -> str:
    """The name that `escape` was given."""
    return unquote(name)
