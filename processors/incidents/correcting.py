"""decide, for what people say of the grouping: split (splitting.py), merge (merging.py), undo (undoing.py).

Every correction is worked out whole (drafting.py, counting.py) and written by one event of parts beside the events that
tell it. An incident that was merged is an alias: commands to it are commands to the one that it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from processors.incidents import merging, splitting, undoing
from processors.incidents.finding import survivor
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Decision, View
from schemas.ids import key_of
from schemas.messages.incidents import MergeIncident, SplitIncident, UndoCorrection


def aliased(command: Command, view: View) -> Command:
    """A command to an incident that was merged, as one to what it is now; corrections look for themselves."""
    message = command.message
    incident_id = getattr(message, "incident_id", None)
    if incident_id is None or type(message) in HANDLERS or not hasattr(message, "command_id"):
        return command
    key = key_of(message.tenant)
    own: Incident | None = view.get(incident_part(key, incident_id))
    if own is None or own.merged_into is None:
        return command
    now = survivor(view, key, incident_id)
    return command if now is None else replace(command, message=replace(message, incident_id=now.incident_id))


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = {
    SplitIncident: splitting.split,
    MergeIncident: merging.merge,
    UndoCorrection: undoing.undo,
}
