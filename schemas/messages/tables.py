"""The one table of what is said on which stream. Subjects of the schema registry are `<stream>-value`."""

from __future__ import annotations

from schemas.messages import actions, incidents, kernel, notifications, ordering, rml

# stream -> message classes. A topic of topology.yaml names its stream; several topics may carry one stream.
STREAMS: dict[str, tuple[type, ...]] = {
    "actions": (*actions.ACTIONS, *kernel.SHARED),
    "actions.dropped": actions.DROPPED,
    "ordering.events": ordering.EVENTS,
    "incidents.commands": (*incidents.COMMANDS, *kernel.SHARED),
    "incidents.events": (*incidents.EVENTS, *kernel.ANSWERS),
    "rml.commands": (*rml.COMMANDS, *kernel.SHARED),
    "rml.events": rml.EVENTS,
    "notifications.commands": (*notifications.COMMANDS, *kernel.SHARED),
    "notifications.events": notifications.EVENTS,
    "dead.letters": kernel.DEAD_LETTERS,
    "changelog": kernel.CHANGELOG,
}
