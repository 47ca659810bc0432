"""Split, merge, undo, and what is related."""

from __future__ import annotations

from dataclasses import replace

from gateway.http.openapi.incidents import RELATED, command
from gateway.http.openapi.operation import Operation, answer
from gateway.http.openapi.parts import AS_OF
from gateway.http.openapi.schema import Schema, array, obj, text, uuid, whole


def _command(summary: str, body: Schema, about: str) -> Operation:
    """Its body is needed: nothing is corrected without a reason."""
    return replace(command(summary, body, about), body_required=True)


_REASON = {"reason": text("Why; it is kept with the correction.", min=1, max=1_000)}
_NAME = text("INC-n or an id.", min=1, max=1_024)
SPLIT = _command(
    "Make failures of an incident another one",
    obj(
        {"events": array(uuid("`event_id` of an entry of its timeline."), max=1_000)} | _REASON,
        required=("events", "reason"),
    ),
    "Refused: no_events, too_many_events, events_not_in_incident, nothing_left, failures_not_remembered,"
    " too_many_corrections, already_resolved, already_closed.",
)
MERGE = _command(
    "Say that two incidents are one",
    obj({"into": _NAME, "with": _NAME} | _REASON, required=("reason",)),
    "`into`: this one becomes an alias of the one that is named; `with`: the other way. Exactly one of them."
    " Refused: merge_with_itself, merged, history_with_live, too_many_merged, too_many_affected, already_resolved,"
    " already_closed.",
)
UNDO = _command(
    "Take back the last split or merge of an incident",
    obj(_REASON, required=("reason",)),
    "Failures that came since are decided anew. Refused: nothing_to_undo, not_the_last_correction, correction_too_old,"
    " too_many_since, already_resolved, already_closed.",
)
RELATED_TO = Operation(
    "List the incidents that may be related to one",
    "incidents",
    {200: answer("The likeliest first.", whole({"incident": text(), "items": RELATED, "as_of": AS_OF}))},
    problems={400: ("parameter_unknown",), 404: ("incident_unknown",)},
)
