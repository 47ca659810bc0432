"""Calculations of the notifications processor: which policy, which channel next, how long until the next attempt."""

from __future__ import annotations

from dataclasses import dataclass, replace

from processors.notifications.state import PlannedStep
from schemas.configuration import Escalation, Ownership, People, Policy, Step
from schemas.messages.notifications import Channel

KEEP_MS = 30 * 24 * 3600 * 1000  # the escalation of a resolved incident leaves the state 30 days of log time later
# One who is told of what was flagged has a day before the fallback contact hears of it.
SECURITY_WAIT_S = 86_400
# Steps are kept in the Course: 50 x (1,024 characters of a name + 8) < 52 KB of a 64 KB part.
STEPS_MAX = 50
# Who else was paged: policies have at most 50 steps; names of further ones are left out of the text, not the pages.
PAGED_MAX = 50
BACKOFF_S_MAX = 4  # 1, 2, 4, 4, … s: a receiver that restarts is back within seconds, and a person waits


@dataclass(frozen=True, slots=True)
class Chosen:
    """The policy for an incident, and why this one. `policy` is None when the tenant has none at all."""

    policy: Policy | None
    reason: str


def choose_policy(resource: str, ownership: Ownership, escalation: Escalation) -> Chosen:
    """The policy of the team that owns the resource, else the default one."""
    team = ownership.owner(resource)
    default = escalation.policy(escalation.default_policy)
    if team is None:
        why = f"nobody owns {resource}"
    else:
        named = (escalation.teams or {}).get(team)
        policy = None if named is None else escalation.policy(named)
        if policy is not None:
            return Chosen(policy, f"{resource} belongs to {team}, whose policy is {policy.id}")
        why = f"{resource} belongs to {team}, which has no policy"
    if default is None:
        return Chosen(None, f"{why}, and there is no default policy")
    return Chosen(default, f"{why}: default policy {default.id}")


def security_policy(owner: str, escalation: Escalation) -> Chosen:
    """Once to the security owner: a team's policy without repetition, or the one person."""
    named = (escalation.teams or {}).get(owner)
    policy = None if named is None else escalation.policy(named)
    if policy is not None:
        return Chosen(replace(policy, rounds=1), f"{owner} is the security owner, whose policy is {policy.id}")
    return Chosen(Policy("security-owner", (Step(owner, SECURITY_WAIT_S),), 1), f"{owner} is the security owner")


def planned_steps(policy: Policy) -> tuple[PlannedStep, ...]:
    """The steps of a policy as an escalation keeps them."""
    return tuple(PlannedStep(s.person, s.wait_s) for s in policy.steps[:STEPS_MAX])


def responder_first(steps: tuple[PlannedStep, ...], responder: str) -> tuple[PlannedStep, ...]:
    """The steps with `responder` in front (waiting as long as the first step does) and nowhere else."""
    others = tuple(s for s in steps if s.person != responder)
    return (PlannedStep(responder, steps[0].wait_s), *others)[:STEPS_MAX]


def first_channel(people: People, person: str) -> Channel | None:
    """The channel to try first, or None when the person is unknown or has none."""
    found = people.person(person)
    return found.channels[0] if found and found.channels else None


def next_channel(people: People, person: str, after: Channel) -> Channel | None:
    """The channel to try after `after`, by the person's channels of today; None when there is no further one."""
    found = people.person(person)
    channels = found.channels if found else ()
    last = max((i for i, c in enumerate(channels) if c == after), default=len(channels))
    return channels[last + 1] if last + 1 < len(channels) else None


def backoff_ms(attempt: int) -> int:
    """How long after failed attempt number `attempt` (from 1) the next one is asked for."""
    return min(1 << (attempt - 1), BACKOFF_S_MAX) * 1000


def link_to(number: int) -> str:
    """Where an incident is shown, or (0) what was flagged; the channel puts the gateway's address in front."""
    return f"/incidents/INC-{number}" if number else "/review"
