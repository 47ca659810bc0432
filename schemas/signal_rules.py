"""The configuration document `signals`: which failures are signals, which are one fault, and which are to be expected.

`grouping` says what is one fault beyond type and normalised message; `intermittent` from which share on failures that
heal are a problem all the same; `dependencies` how often an external service may fail before anybody is told; `writes`
which types of action write data (schemas/write_rules.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.document_reader import Reader, invalid, unique
from schemas.errors import ConfigurationError
from schemas.expressions import PATTERN_CHARACTERS, BadExpression, compiled
from schemas.write_rules import WRITES, WriteRule, read_writes

# Each rule is one look at a failure's message: 64 x 2 us. Dependencies are looked through once a resource.
MAX_RULES = 64
MAX_DEPENDENCIES = 64
MAX_RESOURCES = 32
# A rate of more than half is no expectation; the bound's table is made for 0 to 500.
MAX_EXPECTED = 500
# A window is counted in twelve buckets of whole seconds.
MIN_WINDOW_S = 12
MAX_WINDOW_S = 86_400


@dataclass(frozen=True, slots=True)
class GroupingRule:
    """What is one fault: failures on `resource` (a name, a prefix ending in `*`, "" for any) of `error_type` ("" for
    any) whose message begins with `prefix`, or in which `pattern` (RE2) is found.

    The fingerprint is `name`, whatever the type; what a pattern's groups catch is part of it, so a group splits.
    """

    name: str
    resource: str = ""
    error_type: str = ""
    prefix: str = ""
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which failures are meant: `resource` and `error_type` as in GroupingRule."""

    resource: str = ""
    error_type: str = ""


@dataclass(frozen=True, slots=True)
class Intermittent:
    """Failures that heal are a problem when more than `threshold_per_mille` of at least `tries` tries of a resource and
    action type failed within `window_s` of log time. `tries` 0: never. `only` empty: everywhere.
    """

    threshold_per_mille: int = 500
    tries: int = 20
    window_s: int = 300
    only: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True)
class Dependency:
    """An external service: what fails on `resources` (names, or prefixes ending in `*`) is no signal while it fails as
    often as expected (rates in per mille, over a window of log time).
    """

    name: str
    resources: tuple[str, ...]
    expected_per_mille: int = 10
    alert_per_mille: int = 50
    baseline_window_s: int = 3_600


@dataclass(frozen=True, slots=True)
class Signals:
    """When a failure is held for another try (seed 12.1), and what is no incident (12.1, 12.2)."""

    retry_window_s: int = 5
    transient_errors: tuple[str, ...] = ()
    retry_limit: int = 3
    grouping: tuple[GroupingRule, ...] = ()
    intermittent: Intermittent = Intermittent()
    dependencies: tuple[Dependency, ...] = ()
    writes: tuple[WriteRule, ...] = WRITES

    def dependency(self, resource: str) -> Dependency | None:
        """The dependency that a resource belongs to: an exact name wins, then the longest prefix, then the first."""
        best: tuple[int, Dependency] | None = None
        for each in self.dependencies:
            for name in each.resources:
                if name == resource:
                    return each
                if name.endswith("*") and resource.startswith(name[:-1]) and (best is None or len(name) > best[0]):
                    best = (len(name), each)
        return best[1] if best else None


def covers(pattern: str, resource: str) -> bool:
    """Whether a name, a prefix ending in `*`, or "" means this resource."""
    if pattern.endswith("*"):
        return resource.startswith(pattern[:-1])
    return not pattern or pattern == resource


def read_signals(r: Reader) -> Signals:
    """The document `signals`. Raises ConfigurationError `configuration_invalid`."""
    out = Signals(
        r.number("retry_window_s", 5, 1, 300),
        r.texts("transient_errors"),
        r.number("retry_limit", 3, 1, 100),
        _grouping(r),
        _intermittent(r.inner("intermittent")),
        _dependencies(r),
        read_writes(r),
    )
    r.done()
    return out


def _grouping(r: Reader) -> tuple[GroupingRule, ...]:
    out = []
    for entry in r.readers("grouping"):
        rule = GroupingRule(
            entry.text("name"),
            entry.text("resource", ""),
            entry.text("error_type", ""),
            entry.text("prefix", ""),
            entry.text("pattern", ""),
        )
        entry.done()
        if bool(rule.prefix) == bool(rule.pattern):
            raise invalid(entry.place, "exactly one of `prefix` and `pattern` is expected")
        if rule.pattern:
            _checked(f"{entry.place}.pattern", rule.pattern)
        out.append(rule)
    if len(out) > MAX_RULES:
        raise invalid(f"{r.place}.grouping", f"at most {MAX_RULES} rules are expected")
    unique(f"{r.place}.grouping", [rule.name for rule in out])
    return tuple(out)


def _checked(place: str, pattern: str) -> None:
    try:
        compiled(pattern)
    except BadExpression as error:
        raise ConfigurationError(
            "configuration_invalid",
            place,
            f"RE2 does not take it: {error}",
            "Write it as RE2 knows it (no look-around, no back references, repetitions up to 1,000), "
            f"with at most {PATTERN_CHARACTERS} characters; or use `prefix`.",
            field=place,
        ) from error


def _intermittent(r: Reader) -> Intermittent:
    only = []
    for entry in r.readers("only"):
        only.append(Scope(entry.text("resource", ""), entry.text("error_type", "")))
        entry.done()
    if len(only) > MAX_RULES:
        raise invalid(f"{r.place}.only", f"at most {MAX_RULES} entries are expected")
    out = Intermittent(
        r.number("threshold_per_mille", 500, 0, 999),
        r.number("tries", 20, 0, 1_000_000),
        r.number("window_s", 300, MIN_WINDOW_S, MAX_WINDOW_S),
        tuple(only),
    )
    r.done()
    return out


def _dependencies(r: Reader) -> tuple[Dependency, ...]:
    out = []
    for entry in r.readers("dependencies"):
        found = Dependency(
            entry.text("name"),
            entry.texts("resources"),
            entry.number("expected_per_mille", 10, 0, MAX_EXPECTED),
            entry.number("alert_per_mille", 50, 0, 999),
            entry.number("baseline_window_s", 3_600, MIN_WINDOW_S, MAX_WINDOW_S),
        )
        entry.done()
        if not 1 <= len(found.resources) <= MAX_RESOURCES:
            raise invalid(f"{entry.place}.resources", f"1 to {MAX_RESOURCES} names are expected")
        if found.alert_per_mille < found.expected_per_mille:
            raise invalid(f"{entry.place}.alert_per_mille", "it is below expected_per_mille, so the normal would alert")
        out.append(found)
    if len(out) > MAX_DEPENDENCIES:
        raise invalid(f"{r.place}.dependencies", f"at most {MAX_DEPENDENCIES} dependencies are expected")
    unique(f"{r.place}.dependencies", [d.name for d in out])
    return tuple(out)
