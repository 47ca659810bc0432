"""What a reader asked of the list of incidents: the address's query, read leniently, and the parameters for the API.

An address that somebody shortened or mistyped shows more, never an error. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from schemas import incident_rules

STATES = ("open", *incident_rules.STATES)
SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")
WORLDS = ("RML1", "RML2", "RML3")
NOBODY, ME = "nobody", "me"
WORDS_MAX = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """Filters as the form names them; empty texts ask for nothing. `who`: `nobody`, `me`, or a person."""

    state: str = ""
    severity: str = ""
    who: str = ""
    resource: str = ""
    service: str = ""
    owner: str = ""
    world: str = ""
    q: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Listing:
        """From an address."""
        state, severity = query.get("state", ""), query.get("severity", "")
        return cls(
            state if state in STATES else "",
            severity if severity in SEVERITIES else "",
            _text(query, "who"),
            _text(query, "resource"),
            _text(query, "service"),
            _text(query, "owner"),
            query.get("world", "") if query.get("world", "") in WORLDS else "",
            _text(query, "q"),
        )

    @property
    def given(self) -> dict[str, str]:
        """The filters that are set."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}

    @property
    def words(self) -> str:
        """The filters in words, for the empty list."""
        who = {NOBODY: "no one on it", ME: "mine"}.get(self.who, f"@{self.who}" if self.who else "")
        world = self.world.replace("RML", "RML-")
        owner = f"owned by {self.owner}" if self.owner else ""
        words = (self.q, self.state, self.severity, who, self.resource, self.service, owner, world)
        return ", ".join(word for word in words if word)

    def address(self, **changes: str) -> str:
        """The query string with some filters changed, in one order."""
        return urlencode({name: value for name, value in sorted((self.given | changes).items()) if value})

    def parameters(self, me: str) -> dict[str, str]:
        """As GET /v1/incidents takes them."""
        out = {name: value for name, value in self.given.items() if name != "who"}
        if self.who == NOBODY:
            out["taken"] = "no"
        elif self.who:
            out["assignee"] = me if self.who == ME else self.who
        return out


def _text(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "").strip()[:WORDS_MAX]
    return value if value.isprintable() else ""
