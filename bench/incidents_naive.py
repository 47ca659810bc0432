"""What attribution is measured against: the cause is the latest change on what fails, whatever it was."""

from __future__ import annotations

from bench.causal_model import Change, Outage


def latest_on_the_same(day: Outage) -> int | None:
    """The number of the latest change on the failing resource before its first failure (within the day), or None."""
    first = min(f.at for f in day.failures if f.resource == day.failing)
    latest: Change | None = None
    for change in day.changes:
        if change.resource == day.failing and change.at <= first and (latest is None or change.at >= latest.at):
            latest = change
    return latest.number if latest is not None else None
