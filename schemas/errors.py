"""The one shape of every error a person or a program can meet.

An error says what happened, why, what to do, and carries a stable `code` that never changes its meaning.

    MandateError
    ├── SchemaError       bytes or a value do not fit what was agreed (code says which)
    ├── TopologyError     topology.yaml contradicts itself or the broker
    └── ConfigurationError a configuration document cannot be accepted
"""

from __future__ import annotations


class MandateError(Exception):
    """An error with a stable code, a cause and a remedy.

    `code` is lower_snake and stable; `what` names the thing, `why` the cause, `remedy` the next step of the reader;
    `field` (optional) is a JSON pointer or a dotted name of the offending input.
    """

    def __init__(self, code: str, what: str, why: str, remedy: str, *, field: str | None = None) -> None:
        super().__init__(f"error[{code}]: {what}: {why}. {remedy}")
        self.code = code
        self.what = what
        self.why = why
        self.remedy = remedy
        self.field = field


class SchemaError(MandateError):
    """Bytes or a value do not fit the agreed schema."""


class TopologyError(MandateError):
    """topology.yaml contradicts itself, the code, or the broker."""


class ConfigurationError(MandateError):
    """A configuration document cannot be accepted as it is."""
