"""The distributions of the causal model: which kinds of change occur, how they look, what they break and how soon.

Shares are relative weights. They are judgements of how outages go, written down before any scoring saw them: a deploy
can break anything, a migration mostly what asks the database, a lost permission is mostly seen as a denial, and load,
hardware and providers show themselves as time-outs, exhaustion and refused connections - as some changes do too.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

Kind = Literal["deploy", "config", "flag", "migration", "permission"]
Nature = Literal["application", "database", "access", "timeout", "exhausted", "unreachable"]
Size = Literal["small", "medium", "large"]

SERVICES = tuple(
    name
    for line in (
        "storefront checkout payments billing user search inventory notification cart catalog pricing shipping returns",
        "fraud ledger invoice auth session profile review recommendation coupon loyalty warehouse courier tax currency",
        "export report mail sms push audit media image video chat support",
    )
    for name in line.split()
)
STORES = ("db", "cache", "queue", "bucket")
PROVIDERS = ("api.stripe.com", "hooks.slack.com", "maps.example.com")

KINDS_OF: dict[str, dict[Kind, float]] = {
    "service": {"deploy": 55, "config": 20, "flag": 16, "migration": 4, "permission": 5},
    "store": {"migration": 55, "config": 30, "permission": 15},
    "external": {},
}
HAZARD: dict[Kind, float] = {"deploy": 1.0, "config": 1.2, "flag": 0.9, "migration": 2.5, "permission": 2.0}
SIZES: tuple[Size, ...] = ("small", "medium", "large")
SIZE_SHARES, SIZE_HAZARDS = (60, 30, 10), (1.0, 2.5, 6.0)

BREAKS: dict[Kind, dict[Nature, float]] = {
    "deploy": {"application": 45, "database": 10, "access": 5, "timeout": 15, "exhausted": 15, "unreachable": 10},
    "config": {"application": 28, "database": 6, "access": 10, "timeout": 20, "exhausted": 22, "unreachable": 14},
    "flag": {"application": 68, "database": 8, "access": 4, "timeout": 12, "exhausted": 8},
    "migration": {"application": 13, "database": 74, "timeout": 10, "exhausted": 3},
    "permission": {"application": 8, "access": 84, "timeout": 4, "unreachable": 4},
}
# What a caller sees of a callee that fails so.
SEEN_BELOW: dict[Nature, dict[Nature, float]] = {
    "application": {"application": 35, "timeout": 25, "unreachable": 40},
    "database": {"application": 25, "database": 10, "timeout": 35, "unreachable": 30},
    "access": {"application": 25, "access": 45, "unreachable": 30},
    "timeout": {"timeout": 70, "exhausted": 10, "unreachable": 20},
    "exhausted": {"timeout": 50, "exhausted": 10, "unreachable": 40},
    "unreachable": {"timeout": 30, "unreachable": 70},
}
WITHOUT_CAUSE: dict[str, dict[Nature, float]] = {
    "load": {"timeout": 50, "exhausted": 44, "unreachable": 6},
    "hardware": {"timeout": 25, "exhausted": 12, "unreachable": 50, "database": 8, "application": 5},
    "external": {"timeout": 35, "exhausted": 5, "unreachable": 45, "application": 10, "access": 5},
}
# From the change to the first failure: median (s) and sigma of a log-normal; with 1.5 one in twenty takes 12 medians.
DELAYS: dict[Kind, tuple[float, float]] = {
    "deploy": (120, 1.4),
    "config": (90, 1.6),
    "flag": (45, 1.3),
    "migration": (60, 1.4),
    "permission": (240, 1.6),
}
BOTS: dict[Kind, str] = {
    "deploy": "deployer",
    "config": "config-gen",
    "flag": "flag-bot",
    "migration": "migrator",
    "permission": "admin",
}

# {n} a number, {actor} who failed.
ERRORS: dict[Nature, tuple[tuple[str, str], ...]] = {
    "application": (
        ("NullPointerException", 'Cannot invoke "Order.total()" because "order" is null (order {n})'),
        ("KeyError", "'discount_code'"),
        ("TypeError", "unsupported operand type(s) for +: 'int' and 'NoneType' in item {n}"),
        ("HTTPError", "500 Internal Server Error for request {n}"),
        ("ValidationError", "1 validation error for Quote {n}: total must be positive"),
        ("IndexOutOfBoundsException", "Index {n} out of bounds for length 3"),
    ),
    "database": (
        ("psycopg.errors.UndefinedColumn", 'column "shipping_state" does not exist at character {n}'),
        ("psycopg.errors.DeadlockDetected", "deadlock detected: process {n} waits for ShareLock"),
        ("ProgrammingError", 'relation "orders_v2" does not exist'),
        ("IntegrityError", 'null value in column "tenant_id" violates not-null constraint, row {n}'),
        ("SQLTransientException", "canceling statement due to lock timeout after {n} ms"),
    ),
    "access": (
        ("AccessDenied", "User {actor} is not authorized to perform this operation on item {n}"),
        ("PermissionError", "permission denied for table ledger, request {n}"),
        ("Forbidden", "403 Forbidden: {actor} lacks a role"),
        ("UnauthorizedOperation", "You are not authorized to perform this operation. request {n}"),
    ),
    "timeout": (
        ("TimeoutError", "no answer within {n} ms"),
        ("DeadlineExceeded", "context deadline exceeded after {n} ms"),
        ("ReadTimeout", "read timed out (read timeout={n})"),
        ("HTTPError", "504 Gateway Timeout for request {n}"),
    ),
    "exhausted": (
        ("PoolError", "connection pool exhausted, waited {n} ms"),
        ("OutOfMemoryError", "Java heap space in worker {n}"),
        ("OSError", "[Errno 24] Too many open files: {n}"),
        ("ThrottlingException", "Rate exceeded: {n} calls"),
        ("QueueFull", "queue is full with {n} entries"),
    ),
    "unreachable": (
        ("ConnectionRefusedError", "connection refused by node {n}"),
        ("HTTPError", "503 Service Unavailable for request {n}"),
        ("ConnectionResetError", "connection reset by peer after {n} bytes"),
        ("gaierror", "temporary failure in name resolution, try {n}"),
    ),
}


@dataclass(frozen=True, slots=True)
class Described:
    """How a change is told."""

    before: str | None
    after: str | None
    summary: str | None


def text_of(r: Random, template: str, actor: str, called: str) -> str:
    """A message as it is seen; `called` is named when the message says whom it called."""
    text = template.replace("{n}", str(r.randint(1, 99_999))).replace("{actor}", actor)
    if not called:
        return text
    return r.choice((f"{text} calling {called}", f"call to {called} failed: {text}", f"{called}: {text}"))


def describe(r: Random, kind: Kind, size: Size, actor: str, removes: bool | None) -> Described:
    """How a change of this size is told; `removes`: a permission is taken from `actor` (None: perhaps)."""
    match kind:
        case "deploy":
            return _deploy(r, size)
        case "config":
            return _config(r, size)
        case "flag":
            return _flag(r, size)
        case "migration":
            return _migration(r, size)
        case "permission":
            return _permission(r, size, actor, r.random() < 0.3 if removes is None else removes)


def _deploy(r: Random, size: Size) -> Described:
    commits = {"small": r.randint(1, 5), "medium": r.randint(6, 30), "large": r.randint(31, 200)}[size]
    summary = f"{commits} commits" if r.random() < 0.6 else None
    if r.random() < 0.4:
        return Described(f"{r.getrandbits(28):07x}", f"{r.getrandbits(28):07x}", summary)
    major, minor, patch = r.randint(1, 5), r.randint(0, 20), r.randint(0, 9)
    after = {
        "small": (major, minor, patch + 1),
        "medium": (major, minor + 1, 0),
        "large": (major + 1, 0, 0),
    }[size]
    return Described(f"v{major}.{minor}.{patch}", "v" + ".".join(map(str, after)), summary)


def _config(r: Random, size: Size) -> Described:
    name = r.choice(("pool.size", "cache.ttl", "timeout_ms", "retry.limit", "batch.size", "max_connections"))
    before = r.choice((10, 30, 50, 100, 500, 5_000))
    factor = {"small": 1.2, "medium": 2.0, "large": 10.0}[size]
    after = round(before * factor) if r.random() < 0.5 else max(1, round(before / factor))
    return Described(f"{name}={before}", f"{name}={after}", f"{name} {before} -> {after}")


def _flag(r: Random, size: Size) -> Described:
    name = r.choice(("new-checkout", "fast-search", "dark-mode", "beta-pricing", "async-mail"))
    if size == "large" and r.random() < 0.5:
        return Described("off", "on", f"flag {name} enabled")
    share = {"small": r.choice((1, 5)), "medium": r.choice((25, 50)), "large": 100}[size]
    return Described("0%", f"{share}%", f"flag {name} to {share} %")


def _migration(r: Random, size: Size) -> Described:
    before = r.randint(10, 400)
    what = {
        "small": ("add nullable column note", "create index concurrently orders_by_day"),
        "medium": ("add column state not null", "create index orders_by_customer", "backfill orders.total"),
        "large": ("drop column legacy_state", "rename table orders to orders_v1", "alter column id type bigint"),
    }[size]
    return Described(f"{before:04d}", f"{before + 1:04d}", r.choice(what))


def _permission(r: Random, size: Size, actor: str, removes: bool) -> Described:
    count = {"small": 1, "medium": r.randint(2, 5), "large": r.randint(6, 30)}[size]
    role = r.choice(("editor", "writer", "operator", "reader"))
    whose = actor if r.random() < 0.7 else "group operators"
    if removes:
        return Described(f"{role}: {whose}", None, f"removed {count} grants of {role} from {whose}")
    return Described(None, f"{role}: {whose}", f"granted {role} to {whose}")
