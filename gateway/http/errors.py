"""What a request can meet, by the status of its answer. Every error is a MandateError with a stable code.

MandateError
└── HttpError
    ├── BadRequest        400  the request cannot be understood
    ├── Unauthenticated   401  no token, or one that nobody has
    ├── Forbidden         403  the token is known and may not
    ├── NotFound          404  there is no such thing (in this tenant)
    ├── Conflict          409  it was decided otherwise, or changed meanwhile
    ├── Invalid           422  understood, and a field is wrong
    └── Busy              429, 503  come again after `retry_after` seconds; nothing was lost
"""

from __future__ import annotations

from schemas.errors import MandateError


class HttpError(MandateError):
    """An error that has a status. `retry_after` is in seconds, where coming again helps."""

    status = 400
    retry_after: int | None = None


class BadRequest(HttpError):
    """The request cannot be understood."""


class Unauthenticated(HttpError):
    """Nobody is known by this token."""

    status = 401


class Forbidden(HttpError):
    """The token is known, and does not allow this."""

    status = 403


class NotFound(HttpError):
    """There is no such thing in this tenant."""

    status = 404


class MethodNotAllowed(HttpError):
    """The address exists, this method does not."""

    status = 405


class TooSlow(HttpError):
    """The body did not arrive in time."""

    status = 408


class Conflict(HttpError):
    """It was decided otherwise, or changed meanwhile."""

    status = 409


class TooBig(HttpError):
    """More bytes, or more items, than this door takes at once."""

    status = 413


class UnsupportedMediaType(HttpError):
    """The body is not JSON."""

    status = 415


class Invalid(HttpError):
    """Understood, and a field is wrong; `field` names it."""

    status = 422


class Busy(HttpError):
    """Nothing was taken; come again after `retry_after` seconds."""

    status = 429
    retry_after: int | None = 1


class Unavailable(HttpError):
    """Something behind this door does not answer; what was sent may or may not have been written."""

    status = 503
    retry_after: int | None = 1
