"""GitHub's CODEOWNERS: whose a path is; the last pattern that matches wins, also one without owners. Pure.

Patterns are those of .gitignore without `!`, `[ ]` and `\\#`, as GitHub documents it; they are matched by RE2, so no
pattern can take long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import re2

from gateway.catalog.sources.told import refuse

BYTES_MAX = 3_145_728  # GitHub reads no larger file
RULES_MAX = 20_000
PATTERN_MAX = 512


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: what it matches, and who owns that (nobody: it takes ownership away)."""

    line: int
    pattern: str
    owners: tuple[str, ...]
    matches: Any


def read(raw: bytes, name: str) -> list[Rule]:
    """The rules of a file. Raises ConfigurationError: `catalog_syntax`, `catalog_too_large`, `catalog_not_text`."""
    if len(raw) > BYTES_MAX:
        refuse("catalog_too_large", name, f"{len(raw)} bytes; GitHub reads at most {BYTES_MAX}", "Shorten it.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        refuse("catalog_not_text", name, f"it is not UTF-8 at byte {error.start}", "Save it as UTF-8.")
    out: list[Rule] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = _words(line)
        if not words:
            continue
        where = f"{name}:{number}"
        if len(out) == RULES_MAX:
            refuse("catalog_too_large", where, f"more than {RULES_MAX} rules", "Shorten it.")
        for owner in words[1:]:
            if "@" not in owner:
                why = f"{owner[:64]!r} is neither @user, @org/team nor an e-mail address"
                refuse("catalog_syntax", where, why, "Correct the owner.")
        out.append(Rule(number, words[0], tuple(words[1:]), _compiled(words[0], where)))
    return out


def owners_of(rules: Sequence[Rule], path: str) -> Rule | None:
    """The rule that decides whose a path (of a file, from the root, without a leading slash) is."""
    for rule in reversed(rules):
        if rule.matches.fullmatch(path) is not None:
            return rule
    return None


def _words(line: str) -> list[str]:
    words = line.replace("\\ ", "\0").split()
    for at, word in enumerate(words):
        if word.startswith("#"):
            words = words[:at]
            break
    return [word.replace("\0", " ") for word in words]


def _compiled(pattern: str, where: str) -> Any:
    if len(pattern) > PATTERN_MAX or pattern.startswith("!") or "[" in pattern:
        why = f"GitHub knows no pattern like {pattern[:64]!r}"
        refuse("catalog_syntax", where, why, "Use paths with *, ** and ?; no !, no [ ].")
    body = pattern.strip("/")
    anchored = "/" in pattern.rstrip("/")
    out = "" if anchored else "(?:.*/)?"
    at = 0
    while at < len(body):
        if body.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif body.startswith("**", at):
            out, at = out + ".*", at + 2
        elif body[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif body[at] == "?":
            out, at = out + "[^/]", at + 1
        else:
            out, at = out + re2.escape(body[at]), at + 1
    # `docs/*` is what lies in docs itself; every other name also stands for all that is below it.
    if pattern.endswith("/"):
        out += "/.*"
    elif not (pattern.endswith("/*") and anchored):
        out += "(?:/.*)?"
    try:
        return re2.compile(out)
    except re2.error as error:
        refuse("catalog_syntax", where, f"it is no pattern: {error}", "Correct the pattern.")
