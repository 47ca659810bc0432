"""Why a correction is refused: unknown, over, merged, not in it, too large. Codes are stable; each says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from processors.incidents.failures import REMEMBERED_MAX, Failure
from processors.incidents.finding import survivor
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import Command, Decision, Event, View
from schemas.ids import Id, key_of, text
from schemas.incident_rules import OVER
from schemas.messages.incidents import CommandRefused, MergeIncident, SplitIncident, UndoCorrection
from schemas.messages.incidents.correcting import SPLIT_MAX

Wish = SplitIncident | MergeIncident | UndoCorrection
# So many of the events that are not there are named.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as words."""

    code: str
    why: str
    remedy: str

    def decision(self, command: Command, wish: Wish) -> Decision:
        """The decision that says it."""
        refused = CommandRefused(
            tenant=wish.tenant,
            command_id=wish.command_id,
            subject=wish.subject,
            incident_id=wish.incident_id,
            command=type(wish).__name__,
            code=self.code,
            why=self.why,
            remedy=self.remedy,
            at=command.now,
        )
        return Decision((Event(key_of(wish.tenant), refused),), reasons=(self.code,), answer=self.code)


def open_incident(view: View, key: str, incident_id: Id, *, alias: bool = True) -> Incident | Refusal:
    """The open incident of this id; with `alias` the one that it was merged into."""
    own: Incident | None = view.get(incident_part(key, incident_id))
    now = survivor(view, key, incident_id)
    if own is None or now is None:
        why = "no open incident has this id; it never existed, or it was closed more than 30 days ago"
        return Refusal("unknown_or_closed", why, "Look it up in the list of incidents and take its id from there.")
    if own.merged_into is not None and not alias:
        why = f"INC-{own.number} was merged into INC-{now.number}"
        return Refusal("merged", why, f"Give the command to INC-{now.number}, or undo that merge first.")
    return over(now) or now


def over(incident: Incident) -> Refusal | None:
    """Why an incident that is over is not corrected."""
    if incident.state not in OVER:
        return None
    code = "already_closed" if incident.state == "closed" else "already_resolved"
    why = f"INC-{incident.number} is {incident.state.replace('_', ' ')}"
    return Refusal(code, why, "Reopen it first; only what is open is split, merged or undone.")


def of_split(source: Incident, kept: Sequence[Sequence[Failure]], events: Sequence[Id]) -> Refusal | None:
    """Why these failures cannot be split off."""
    wanted = dict.fromkeys(events)
    if not wanted:
        return Refusal("no_events", "no failure is named", "Name at least one failure of the incident.")
    if len(wanted) > SPLIT_MAX:
        why = f"{len(wanted)} failures are named, more than {SPLIT_MAX}"
        return Refusal("too_many_events", why, "Split off the smaller part, or several times.")
    total = sum(len(home) for home in kept)
    if total != source.failures:
        why = f"{total} of {source.failures} failures of INC-{source.number} are remembered, at most {REMEMBERED_MAX}"
        return Refusal("failures_not_remembered", why, "Go on with one incident, or report the other problem.")
    there = {f.action_id for home in kept for f in home}
    missing = [e for e in wanted if e not in there]
    if missing:
        names = ", ".join(text(e) for e in missing[:NAMED]) + (" …" if len(missing) > NAMED else "")
        why = f"{len(missing)} of {len(wanted)} are no failures of INC-{source.number}: {names}"
        return Refusal("events_not_in_incident", why, "Take `event_id` from the incident's timeline.")
    if len(wanted) == total:
        why = f"these are all {total} failures of INC-{source.number}; nothing would stay"
        return Refusal("nothing_left", why, "Leave at least one failure where it is.")
    return None


def of_merge(kept: Incident, gone: Incident, affected: int | None, members_max: int) -> Refusal | None:
    """Why two incidents cannot become one."""
    if kept.incident_id == gone.incident_id:
        why = f"INC-{kept.number} is one incident already"
        return Refusal("merge_with_itself", why, "Name another incident.")
    if kept.historical != gone.historical:
        past = kept if kept.historical else gone
        why = f"INC-{past.number} is imported history, the other one is live"
        return Refusal("history_with_live", why, "Merge history with history only: it must page nobody.")
    members = len(kept.members) + 1 + len(gone.members)
    if members > members_max:
        why = f"INC-{kept.number} would stand for {members} others, more than {members_max}"
        return Refusal("too_many_merged", why, "Resolve what is over, or merge into another incident.")
    return too_many_affected(kept, gone) if affected is None else None


def too_many_affected(kept: Incident, gone: Incident) -> Refusal:
    """Both hit too many to say how many they hit together."""
    why = f"INC-{kept.number} and INC-{gone.number} hit {kept.affected_count} and {gone.affected_count}"
    return Refusal("too_many_affected", why, "Handle them side by side; they are shown as related.")


def too_many_corrections(source: Incident) -> Refusal:
    """The problem has too many splits that say where its failures go."""
    why = f"a problem of INC-{source.number} has been split too often to remember one more"
    return Refusal("too_many_corrections", why, "Undo a split that is not needed, or configure a grouping rule.")


def nothing_to_undo(incident: Incident) -> Refusal:
    """It was never corrected, or all of it was undone."""
    why = f"INC-{incident.number} has no split or merge that is not undone"
    return Refusal("nothing_to_undo", why, "See the incident's timeline.")


def too_old(incident: Incident) -> Refusal:
    """What an undo needs is not kept any more."""
    why = f"the last split or merge of INC-{incident.number} is more than 30 days old"
    return Refusal("correction_too_old", why, "Split or merge anew.")


def not_the_last(other: Incident, now: Incident) -> Refusal:
    """The other one of the two has been corrected since."""
    alias = "" if now.incident_id == other.incident_id else f", which is INC-{now.number} now,"
    why = f"INC-{other.number}{alias} has been split or merged since"
    return Refusal("not_the_last_correction", why, f"Undo that first: undo of INC-{now.number}.")


def too_many_since(count: int, limit: int) -> Refusal:
    """More failures came since than are decided anew at once, or they are not remembered."""
    why = f"{count} failures came since, more than {limit}, or not all are remembered"
    return Refusal("too_many_since", why, "Split off what does not belong instead.")
