"""What an incident says of those who work on it; fields of Incident."""

from __future__ import annotations

from gateway.http.openapi.parts import SEVERITY
from gateway.http.openapi.schema import Schema, array, boolean, choice, integer, maybe, text, time, uuid, whole

_NAMES = array(text())
APPROVAL = whole(
    {
        "approval": integer("Its number, counted for each incident.", low=1),
        "state": choice(("pending", "approved", "declined")),
        "action": choice(("rollback", "communication", "severity")),
        "asked_by": text(),
        "at": time(),
        "by_role": boolean("Roles sign, not the incident commander."),
        "signers": array(text(), "The incident commander, or the roles that sign."),
        "missing": array(text(), "The roles that have not signed."),
        "signed": array(whole({"by": text(), "role": text(), "at": time()})),
        "reason": text("Why it needs a word."),
        "text": maybe(text("What stakeholders would be told.")),
        "change_id": maybe(uuid()),
        "what": maybe(text("The change that would be rolled back.")),
        "severity": maybe(SEVERITY),
        "note": maybe(text()),
        "decided_at": maybe(time()),
        "decided_by": maybe(text()),
    }
)
_DONE = {"at": time(), "by": text(), "approved_by": _NAMES, "note": maybe(text())}
TOGETHER: dict[str, Schema] = {
    "primary": maybe(text("Who decides: the assignee.")),
    "participants": array(whole({"person": text(), "at": time()}), "Who joined, oldest first.", max=32),
    "commander": maybe(text("The incident commander.")),
    "commander_at": maybe(time()),
    "approvals": array(APPROVAL, "The newest, oldest first; all that wait are there.", max=10),
    "rollbacks": array(whole(_DONE | {"change_id": uuid(), "what": text()}), "Asked, not done.", max=10),
    "communications": array(whole(_DONE | {"text": text()}), "Released, not sent.", max=10),
    "escalated_at": maybe(time()),
    "escalated_by": maybe(text("`mandate` when nobody answered.")),
    "reopens": integer("How often it was opened again.", low=0),
    "acknowledged_channel": maybe(text("Where the last acknowledgement was said.")),
    "acknowledged_reference": maybe(text("The message's own id there.")),
    "postmortem_due_at": maybe(time("When the postmortem begins by itself.")),
    "postmortem_at": maybe(time()),
    "postmortem_by": maybe(text("`mandate` when it began by itself.")),
    "postmortem_link": maybe(text()),
    "postmortem_held": maybe(text("Why it has not begun by itself.")),
}
