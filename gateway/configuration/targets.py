"""Webhook targets in a configuration, refused when it is applied as far as their text tells. Pure.

What a name resolves to is looked at when a page is sent, at every attempt (processors/effects/guard.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from processors.effects.addresses import Rules, refusal
from schemas.configuration import DEFAULTS, Document, People, Targets
from schemas.errors import ConfigurationError


def check(documents: Mapping[str, Document], rules: Rules) -> None:
    """Every webhook of every person may be sent to. Raises ConfigurationError with the code of the refusal."""
    everything = {**DEFAULTS, **documents}
    allowed = cast(Targets, everything["targets"]).webhooks
    for i, person in enumerate(cast(People, everything["people"]).people):
        for j, channel in enumerate(person.channels):
            found = refusal(channel.address, rules, allowed) if channel.kind == "webhook" else None
            if found is not None:
                field = f"people.people.{i}.channels.{j}.address"
                remedy = "Give an https:// address that may be reached; see the README on webhook targets."
                raise ConfigurationError(found.code, f"the webhook of {person.id}", found.why, remedy, field=field)
