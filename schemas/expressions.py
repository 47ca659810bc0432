"""Regular expressions of configuration, on RE2: linear in the text, whatever a tenant writes.

The engine is an input of what is decided, so its version is pinned (requirements) and its options are fixed here.
Who uses it: the document `signals` (to refuse what RE2 refuses) and the signals processor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, cast

import re2

PATTERN_CHARACTERS = 500
# What one compiled expression may use, its automaton included; RE2's default is 8 MB. 64 rules are 32 MB at worst.
MEMORY_BYTES = 512 * 1024
# Rules of a tenant (64) for 16 tenants; a compiled pattern is a pure function of its text, so forgetting is harmless.
KEPT = 1_024


class Found(Protocol):
    """A match."""

    def groups(self) -> tuple[str | None, ...]:
        """What the groups caught, in their order; None where one took no part."""


class Expression(Protocol):
    """A compiled expression."""

    groups: int

    def search(self, text: str) -> Found | None:
        """The leftmost match, or None."""


class BadExpression(ValueError):
    """RE2 does not take it; the text says why."""


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.UTF8
    options.case_sensitive = True
    options.longest_match = False
    options.log_errors = False
    options.max_mem = MEMORY_BYTES
    return options


@lru_cache(maxsize=KEPT)
def compiled(pattern: str) -> Expression:
    """The expression of a pattern. Raises BadExpression."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise BadExpression(f"it has {len(pattern)} characters, at most {PATTERN_CHARACTERS} are taken")
    try:
        return cast(Expression, re2.compile(pattern, options=_options()))
    except (re2.error, UnicodeEncodeError) as error:
        why = error.args[0] if error.args else ""
        raise BadExpression(why.decode(errors="replace") if isinstance(why, bytes) else str(error)) from error
