"""decide, for observations: when a measured value crosses a configured limit, and when it is back.

A breach opens or joins one incident (trigger `threshold`, medium confidence); coming back ends the breach, not the
incident. While a value is over, it does not count for its baseline: what is wrong must not become what is normal. An
observation that is older than the newest counts, and decides nothing. A breach tells once: when a person resolves the
incident while the value is still over, the value must come back and cross again to be told again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from processors.incidents import told
from processors.incidents.events import WatchForgotten, WatchMoved
from processors.incidents.measures import (
    BASELINE_BUCKETS,
    SEEN_IDS,
    WATCHES_MAX,
    WATCHES_PER_OBSERVATION,
    WINDOW_BUCKETS,
    Watch,
    Watches,
    added,
    total,
    watch_part,
    watches_part,
)
from processors.incidents.rules import clip
from processors.incidents.state import Incident, incident_part
from processors.kernel.decider import CancelTimer, Command, Decision, Event, SetTimer, TimerDue, View
from schemas import scaled
from schemas.ids import child_id, key_of, unescape
from schemas.incident_rules import SEVERITIES, Incidents
from schemas.incident_triggers import Threshold, is_on
from schemas.messages.incidents import ObservationReported, ThresholdBreached, ThresholdRecovered
from schemas.patterns import matches

ID_BYTES = 16
NAME_CHARACTERS = 1_024
# A watch that hears nothing for its baseline, and at least for a day, is forgotten.
SILENT_S = 86_400


@dataclass(frozen=True, slots=True)
class _Breach:
    """A threshold that was crossed now: its watch as it is after it, and why."""

    part: str
    threshold: Threshold
    watch: Watch
    held_s: int
    event_time: int
    reasons: tuple[str, ...]


def reported(command: Command, seen: ObservationReported, view: View) -> Decision:
    """One observation, against every threshold that watches it."""
    key = key_of(seen.tenant)
    config = cast(Incidents, view.config(seen.tenant, "incidents"))
    watching = [t for t in config.thresholds if t.name == seen.name and matches(t.resource, seen.resource)]
    if not watching:
        return Decision(reasons=("observation_unwatched",))
    counted: Watches = view.get(watches_part(key)) or Watches()
    room = WATCHES_MAX - counted.count
    on = is_on(config.triggers, "threshold", seen.resource)
    events: list[Event] = []
    timers: list[SetTimer | CancelTimer] = []
    reasons: list[str] = []
    breaches: list[_Breach] = []
    for threshold in watching[:WATCHES_PER_OBSERVATION]:
        part = watch_part(key, threshold.id, seen.resource)
        before: Watch | None = view.get(part)
        if before is None and room <= 0:
            reasons.append("watches_full")
            continue
        room -= before is None
        if before is not None and _is_known(before, seen):
            reasons.append("observation_repeated")
            continue
        keep = max(threshold.baseline_s, threshold.over_s, SILENT_S)
        timers.append(SetTimer(part, "forget", command.now + keep * 1000))
        step = _Step(command, key, part, threshold, before, seen, on)
        step.decide(view)
        events += step.events
        timers += step.timers
        reasons.append(step.reason)
        breaches += step.breaches
    if breaches:
        events += _told(command, seen.tenant, breaches, view)
    return Decision(tuple(events), tuple(timers), tuple(dict.fromkeys(reasons)))


def _is_known(watch: Watch, seen: ObservationReported) -> bool:
    kept = watch.seen
    return any(kept[i : i + ID_BYTES] == seen.observation_id for i in range(0, len(kept), ID_BYTES))


class _Step:
    """One observation against one threshold."""

    def __init__(
        self,
        command: Command,
        key: str,
        part: str,
        threshold: Threshold,
        before: Watch | None,
        seen: ObservationReported,
        on: bool,
    ) -> None:
        self.command, self.key, self.part, self.threshold = command, key, part, threshold
        self.before, self.seen, self.on = before, seen, on
        self.events: list[Event] = []
        self.timers: list[SetTimer | CancelTimer] = []
        self.breaches: list[_Breach] = []
        self.reason = "observed"

    def decide(self, view: View) -> None:
        """Count the value, compare it, and say what follows."""
        seen, threshold, before = self.seen, self.threshold, self.before
        at = min(seen.event_time, self.command.now)
        late = before is not None and at < before.last_at
        at_s = at // 1000
        window = before.window if before is not None else ()
        if threshold.of != "last":
            window = added(window, at_s, seen.value, threshold.over_s, WINDOW_BUCKETS)
        base = before.base if before is not None else ()
        whole, samples = total(base, at_s - threshold.baseline_s)
        baseline = whole // samples if samples >= threshold.baseline_min else None
        value = _compared(threshold, window, at_s, seen.value)
        limit = _limit(threshold, baseline)
        over = self.on and limit is not None and (value > limit if threshold.side == "above" else value < limit)
        if not over or late:
            base = added(base, at_s, seen.value, threshold.baseline_s, BASELINE_BUCKETS)
        ids = ((before.seen if before is not None else b"") + seen.observation_id)[-SEEN_IDS * ID_BYTES :]
        if late and before is not None:
            self._keep(replace(before, window=window, base=base, seen=ids))
            self.reason = "observation_late"
            return
        ratio = value * 1000 // baseline if baseline is not None and baseline > 0 else None
        watch = Watch(
            threshold=threshold.id,
            name=clip(seen.name, NAME_CHARACTERS),
            resource=clip(seen.resource, NAME_CHARACTERS),
            last_at=at,
            value=value,
            limit=threshold.limit if limit is None else limit,
            actor=None if seen.actor is None else clip(seen.actor, NAME_CHARACTERS),
            unit=None if seen.unit is None else clip(seen.unit, NAME_CHARACTERS),
            observation_id=seen.observation_id,
            baseline=baseline,
            ratio_permille=None if ratio is None else scaled.bounded(ratio),
            samples=samples,
            window=window,
            base=base,
            seen=ids,
            since=before.since if before is not None else None,
            breach_id=before.breach_id if before is not None else None,
            incident_id=before.incident_id if before is not None else None,
        )
        if over:
            self._over(watch)
        else:
            self._under(watch, view)
        if threshold.relative and limit is None:
            self.reason = "baseline_warming"

    def _keep(self, watch: Watch) -> None:
        self.events.append(Event(self.key, WatchMoved(self.key, self.part, watch)))

    def _over(self, watch: Watch) -> None:
        if watch.breach_id is not None:
            self._keep(watch)
            self.reason = "threshold_still_over"
        elif self.threshold.for_s and watch.since is None:
            self._keep(replace(watch, since=self.command.now))
            self.timers.append(SetTimer(self.part, "breach", self.command.now + self.threshold.for_s * 1000))
            self.reason = "threshold_over"
        elif self.threshold.for_s:
            self._keep(watch)
            self.reason = "threshold_over"
        else:
            watch = replace(watch, since=self.command.now)
            self.breaches.append(_breach(self.part, self.threshold, watch, 0, watch.last_at))
            self.reason = "threshold_breached"

    def _under(self, watch: Watch, view: View) -> None:
        if watch.since is not None and watch.breach_id is None:
            self.timers.append(CancelTimer(self.part, "breach"))
        recovered = _recovered(self.command, self.seen, self.threshold, watch, view)
        if recovered is not None:
            self.events.append(Event(self.key, recovered))
            self.reason = "threshold_recovered"
        self._keep(replace(watch, since=None, breach_id=None, incident_id=None))


def _compared(threshold: Threshold, window: Any, at_s: int, value: int) -> int:
    if threshold.of == "last":
        return value
    whole, count = total(window, at_s - threshold.over_s)
    return whole if threshold.of == "sum" else whole // max(1, count)


def _limit(threshold: Threshold, baseline: int | None) -> int | None:
    """The limit in millionths; None where it is a share of a baseline that is not known, or not above zero."""
    if not threshold.relative:
        return threshold.limit
    return None if baseline is None or baseline <= 0 else baseline * threshold.limit // 100


def _breach(part: str, threshold: Threshold, watch: Watch, held_s: int, event_time: int) -> _Breach:
    return _Breach(part, threshold, watch, held_s, event_time, _reasons(threshold, watch, held_s))


def _reasons(threshold: Threshold, watch: Watch, held_s: int) -> tuple[str, ...]:
    unit = f" {watch.unit}" if watch.unit else ""
    side = "over" if threshold.side == "above" else "under"
    held = f" for {held_s} s" if held_s else ""
    of = "" if threshold.of == "last" else f" ({threshold.of} of the last {threshold.over_s} s)"
    out = [f"value {scaled.text(watch.value)}{unit}{of} {side} {scaled.text(watch.limit)}{unit}{held}"]
    if watch.baseline is not None:
        share = f", {watch.ratio_permille} per mille of it" if watch.ratio_permille is not None else ""
        out.append(
            f"baseline {scaled.text(watch.baseline)}{unit}: the mean of {watch.samples} values of the last"
            f" {threshold.baseline_s} s{share}" + (f"; the limit is {threshold.limit} %" if threshold.relative else "")
        )
    if watch.actor is not None:
        out.append(f"by {watch.actor}")
    out.append(f"threshold {threshold.id}: medium confidence")
    return tuple(out)


def _told(command: Command, tenant: str, breaches: list[_Breach], view: View) -> list[Event]:
    """The breaches of one decision, all on one resource: they open or join one incident."""
    key = key_of(tenant)
    worst = min(breaches, key=lambda b: SEVERITIES.index(b.threshold.severity) if b.threshold.severity else 9)
    sign = _sign(command, tenant, key, worst)
    found = told.found(command, sign, view)
    events = list(found.opening)
    for i, breach in enumerate(breaches):
        watch, threshold = breach.watch, breach.threshold
        breach_id = child_id(command.id, "incidents.Breach", key, i)
        said = ThresholdBreached(
            tenant=tenant,
            incident_id=found.incident_id,
            number=found.number,
            breach_id=breach_id,
            observation_id=watch.observation_id,
            threshold=threshold.id,
            name=watch.name,
            resource=watch.resource,
            actor=watch.actor,
            value=watch.value,
            unit=watch.unit,
            limit=watch.limit,
            side=threshold.side,
            held_s=breach.held_s,
            baseline=watch.baseline,
            ratio_permille=watch.ratio_permille,
            samples=watch.samples,
            severity=threshold.severity,
            event_time=breach.event_time,
            opened=found.incident is None and not i,
            reasons=(*breach.reasons, found.why),
            at=command.now,
        )
        events.append(Event(key, said))
        kept = replace(watch, breach_id=breach_id, incident_id=found.incident_id)
        events.append(Event(key, WatchMoved(key, breach.part, kept)))
    return [*events, *told.raised(command, sign, found.incident)]


def _sign(command: Command, tenant: str, key: str, breach: _Breach) -> told.Sign:
    watch, threshold = breach.watch, breach.threshold
    unit = f" {watch.unit}" if watch.unit else ""
    side = "over" if threshold.side == "above" else "under"
    title = f"{watch.name} is {scaled.text(watch.value)}{unit}, {side} {scaled.text(watch.limit)}{unit}"
    return told.Sign(
        tenant=tenant,
        trigger="threshold",
        id=child_id(command.id, "incidents.Breach", key, 0),
        resource=watch.resource,
        title=title,
        text="; ".join(breach.reasons),
        by=watch.actor or f"threshold {threshold.id}",
        error_type="ThresholdBreach",
        severity=threshold.severity,
        since=breach.event_time,
        confidence="medium",
    )


def held(command: Command, timer: TimerDue, view: View) -> Decision:
    """A value stayed over as long as its threshold asks for."""
    watch = cast(Watch, view.get(timer.part))
    key = timer.part.split("/", 1)[0]
    tenant = unescape(key)
    config = cast(Incidents, view.config(tenant, "incidents"))
    threshold = next((t for t in config.thresholds if t.id == watch.threshold), None)
    if threshold is None or watch.since is None or watch.breach_id is not None:
        return Decision(reasons=("threshold_gone",))
    held_s = (command.now - watch.since) // 1000
    breach = _breach(timer.part, threshold, watch, held_s, watch.last_at)
    return Decision(tuple(_told(command, tenant, [breach], view)), reasons=("threshold_breached",))


def forgotten(command: Command, timer: TimerDue, view: View) -> Decision:
    """Nothing was heard of a watched value for long."""
    key = timer.part.split("/", 1)[0]
    return Decision((Event(key, WatchForgotten(key, timer.part)),), reasons=("watch_forgotten",))


def _recovered(
    command: Command, seen: ObservationReported, threshold: Threshold, watch: Watch, view: View
) -> ThresholdRecovered | None:
    if watch.breach_id is None or watch.incident_id is None:
        return None
    incident: Incident | None = view.get(incident_part(key_of(seen.tenant), watch.incident_id))
    if incident is None:
        return None
    lasted_s = (command.now - (watch.since or command.now)) // 1000
    unit = f" {watch.unit}" if watch.unit else ""
    side = "not over" if threshold.side == "above" else "not under"
    why = f"value {scaled.text(watch.value)}{unit} is {side} {scaled.text(watch.limit)}{unit} any more"
    return ThresholdRecovered(
        tenant=seen.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        breach_id=watch.breach_id,
        threshold=threshold.id,
        name=watch.name,
        resource=watch.resource,
        value=watch.value,
        unit=watch.unit,
        limit=watch.limit,
        lasted_s=lasted_s,
        reasons=(why, f"after {lasted_s} s; the incident stays as it is"),
        event_time=watch.last_at,
        at=command.now,
    )


HANDLERS: Mapping[type, Callable[[Command, Any, View], Decision]] = {ObservationReported: reported}
TIMERS: Mapping[str, Callable[[Command, Any, View], Decision]] = {"breach": held}
