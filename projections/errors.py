"""What can go wrong in a read model, by what the runner or the caller must do next.

MandateError
└── ProjectionError
    ├── PositionLost   another writer moved the positions: read them again, seek, rebuild the batch
    ├── NotReady       something else must come first (tables, topics, a broker that recovers): try again
    ├── Refused        starting again does not help: a person is needed; the runner stays dead
    └── BadRequest     a reader of the read models asked for something that cannot be (a broken cursor)
"""

from __future__ import annotations

from schemas.errors import MandateError


class ProjectionError(MandateError):
    """Something about a read model went wrong."""


class PositionLost(ProjectionError):
    """The stored position is not the one this batch began at; nothing was written."""


class NotReady(ProjectionError):
    """A precondition does not hold yet; nothing was written. Repeat with back-off."""


class Refused(ProjectionError):
    """Log, database and code contradict each other; a restart does not help."""


class BadRequest(ProjectionError):
    """What the caller of a query gave cannot be used."""
