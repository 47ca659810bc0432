"""A correction in the making: the state with what it has changed so far laid over it. It outlives no decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import View
from schemas.configuration import Document


class Draft:
    """A `View`; `parts` are what was written (None: deleted), whole, for PartsWritten."""

    def __init__(self, view: View, key: str) -> None:
        self._view = view
        self.key = key
        self.parts: dict[str, Any | None] = {}

    @property
    def index(self) -> Any:
        """As the view's."""
        return self._view.index

    def get(self, part: str) -> Any | None:
        """The part with this key as it is to be, or None."""
        return self.parts[part] if part in self.parts else self._view.get(part)

    def scan(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """All parts whose key begins with `prefix`, in byte order."""
        kept = {name: part for name, part in self._view.scan(prefix) if name not in self.parts}
        kept |= {name: part for name, part in self.parts.items() if part is not None and name.startswith(prefix)}
        for name in sorted(kept):
            yield name, kept[name]

    def config(self, tenant: str, document: str) -> Document:
        """As the view's."""
        return self._view.config(tenant, document)

    def write(self, parts: Mapping[str, Any | None]) -> None:
        """Lay these over what is there."""
        self.parts.update(parts)

    def keep(self, incident: Incident) -> None:
        """Write an incident under its own key."""
        self.parts[incident_part(self.key, incident.incident_id)] = incident
