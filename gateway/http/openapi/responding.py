"""Commands of people who work together on an incident."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.http.openapi.incidents import command
from gateway.http.openapi.operation import Operation
from gateway.http.openapi.schema import integer, maybe, obj, text

_NOTE = {"note": maybe(text("For those who come after.", max=4_096))}
_PERSON = text("A person of the configuration.", min=1, max=1_024)
_NUMBER = {
    "approval": integer("The approval's number.", low=1),
    "role": maybe(text("The role that you sign in, where you have several.", max=1_024)),
} | _NOTE

FALSE_ALARM = command("Say that nothing is wrong", about="Only before somebody investigates; never with an open case.")
POSTMORTEM = command(
    "Begin the postmortem, or name its document",
    obj({"link": maybe(text("Its address (http or https).", max=1_010))} | _NOTE),
    "By itself it begins a day after the resolve.",
)
ESCALATE = command("Ask for others: the next ones of the policy are paged now")
MUTE = command(
    "Be told of no further errors for a while",
    obj({"minutes": maybe(integer(low=1, high=1_440))} | _NOTE),
    "Only while nobody has acknowledged it, since nobody is told afterwards. Pages are sent all the same.",
)
JOIN = command("Help with an incident", about="The primary decides: ask before you act.")
LEAVE = command("Help no more")
HANDOFF = command(
    "Make somebody else the primary",
    obj({"to": _PERSON} | _NOTE, required=("to",)),
    "Only by the primary, or the incident commander.",
)
ROLLBACK = command(
    "Ask that a change be undone",
    obj({"change_id": maybe(text("Without it the suggested cause.", max=1_024))} | _NOTE),
    "Only by the primary, or the incident commander, whose word it needs. Nothing is undone by it.",
)
COMMUNICATE = command(
    "Say what stakeholders are to be told",
    obj({"text": text(min=1, max=1_000)} | _NOTE, required=("text",)),
    "It may need the incident commander's word, or the accountable roles'. Nothing is sent by it.",
)
COMMANDER = command(
    "Make somebody incident commander",
    obj({"commander": _PERSON} | _NOTE, required=("commander",)),
    "Rollback, communication and severity then need the commander's word.",
)
RELEASE_COMMANDER = command("End the command of an incident")
APPROVE = command("Agree to what waits", obj(_NUMBER, required=("approval",)))
DECLINE = command("Do not agree to what waits", obj(_NUMBER, required=("approval",)), "Who asked may take it back.")

OPERATIONS: Mapping[str, Operation] = {
    "false-alarm": FALSE_ALARM,
    "postmortem": POSTMORTEM,
    "escalate": ESCALATE,
    "mute": MUTE,
    "join": JOIN,
    "leave": LEAVE,
    "handoff": HANDOFF,
    "rollback": ROLLBACK,
    "communicate": COMMUNICATE,
    "commander": COMMANDER,
    "release-commander": RELEASE_COMMANDER,
    "approve": APPROVE,
    "decline": DECLINE,
}
