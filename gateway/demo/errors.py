"""Why the story could not be told to its end."""

from __future__ import annotations

from schemas.errors import MandateError


class StoryError(MandateError):
    """Something that the story needs did not happen, or was refused."""
