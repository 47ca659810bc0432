"""Records as the processors write them, for tests of projections: one place, offsets and append times that grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from projections.reading import Said, understand
from schemas import codec, ids
from schemas.envelope import headers_of
from schemas.messages import actions, incidents, kernel, notifications, ordering
from schemas.record import Headers, Record

T0 = 1_790_000_000_000  # 2026-09-21, in ms
TENANT = "shop"
INCIDENT = ids.derive("incident", 1)
PAGE = ids.derive("page", 1)
STREAMS = {
    "actions.ordered": "actions",
    "ordering.events": "ordering.events",
    "incidents.events": "incidents.events",
    "notifications.events": "notifications.events",
    "rml.events": "rml.events",
}


@dataclass
class Log:
    """Makes records of one place. `step` ms pass between two of them; `hole` offsets are left out before each."""

    topic: str
    partition: int = 0
    offset: int = 0
    now: int = T0
    step: int = 1_000
    hole: int = 0
    records: list[Record] = field(default_factory=list)

    def add(self, message: Any, headers: Headers = ()) -> Record:
        """One more record."""
        return self.add_raw(codec.encode(message), headers or _headers(self, message))

    def add_raw(self, value: bytes | None, headers: Headers = ()) -> Record:
        """One more record with these bytes."""
        self.offset += self.hole
        record = Record(self.topic, self.partition, self.offset, self.now, b"k", value, headers)
        self.records.append(record)
        self.offset += 1
        self.now += self.step
        return record

    def said(self) -> tuple[Said, ...]:
        """All records, read."""
        found, rejected = understand(self.records, STREAMS)
        assert not rejected
        return found


def _headers(log: Log, message: Any) -> Headers:
    if isinstance(message, actions.Action | kernel.Tick):
        return ()
    identity = ids.derive("record", log.topic, log.partition, log.offset)
    return headers_of(identity, type(message).__name__, "test", TENANT, log.now)


def an_action(n: int, **changes: Any) -> actions.Action:
    """Action number `n`."""
    fields: dict[str, Any] = {
        "event_id": ids.derive("action", n),
        "content_key": bytes(16),
        "tenant": TENANT,
        "actor": "catalog-sync",
        "session": "s1",
        "sequence": n,
        "timestamp": T0 + n,
        "received_at": T0 + n + 1,
        "traits": 0,
        "resource": "storefront",
        "type": "catalog.update",
    }
    return actions.Action(**(fields | changes))


def failed_action(n: int, **changes: Any) -> actions.Action:
    """An action that reports an error."""
    error = actions.ErrorInfo("PaymentError", f"pool exhausted (order {n})")
    return an_action(n, **({"traits": actions.ERROR, "error": error, "resource": "payments"} | changes))


def opened(at: int = T0, **changes: Any) -> incidents.IncidentOpened:
    """INC-1 opens."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "resource": "payments",
        "fingerprint": "f1",
        "error_type": "PaymentError",
        "title": "PaymentError on payments",
        "sample": "pool exhausted (order 1)",
        "severity": "SEV3",
        "severity_reason": "default",
        "actor": "checkout-helper-1",
        "action_type": "payments.charge",
        "action_id": ids.derive("action", 1),
        "affected": "customer-1",
        "first_failure_at": T0 - 2_000,
        "event_time": T0 - 1_000,
        "historical": False,
        "reasons": ("no open incident",),
        "at": at,
    }
    return incidents.IncidentOpened(**(fields | changes))


def attached(failures: int, affected: int, at: int, **changes: Any) -> incidents.SignalAttached:
    """One more failure of INC-1."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "actor": "checkout-helper-2",
        "action_type": "payments.charge",
        "action_id": ids.derive("action", failures),
        "affected": None,
        "sample": f"pool exhausted (order {failures})",
        "event_time": at - 10,
        "failures": failures,
        "affected_count": affected,
        "reasons": (),
        "historical": False,
        "at": at,
    }
    return incidents.SignalAttached(**(fields | changes))


def raised(at: int) -> incidents.SeverityRaised:
    """INC-1 becomes SEV2."""
    return incidents.SeverityRaised(
        TENANT, INCIDENT, 1, "payments", "PaymentError on payments", "SEV3", "SEV2", "5 failures", T0, 5, 3, False, at
    )


def paged(at: int, failures: int = 3, affected: int = 2) -> incidents.IncidentPaged:
    """The first page of INC-1 arrived."""
    return incidents.IncidentPaged(TENANT, INCIDENT, 1, "alice", "webhook", failures, affected, at)


def acknowledged(at: int, by: str = "bob", failures: int = 6) -> incidents.IncidentAcknowledged:
    """Somebody is on INC-1."""
    return incidents.IncidentAcknowledged(TENANT, INCIDENT, 1, by, failures, 4, at)


def moved(before: incidents.State, after: incidents.State, at: int) -> incidents.IncidentStateChanged:
    """INC-1 moves."""
    return incidents.IncidentStateChanged(TENANT, INCIDENT, 1, before, after, "bob", "acknowledged", at)


def resolved(at: int, failures: int = 7) -> incidents.IncidentResolved:
    """INC-1 is over."""
    return incidents.IncidentResolved(
        TENANT, INCIDENT, 1, "bob", "rolled back", T0 - 2_000, T0, None, None, failures, 5, at
    )


def change(n: int, at: int, resource: str = "payments") -> incidents.ChangeRecorded:
    """A deploy."""
    return incidents.ChangeRecorded(
        TENANT,
        ids.derive("change", n),
        resource,
        "deploy",
        "v2.3.0",
        "v2.3.1",
        "pool 10 → 5",
        "deployer",
        ids.derive("deploy", n),
        at - 5,
        at,
    )


def healed(at: int, total: int = 1) -> incidents.HealedFailureCounted:
    """A retry helped."""
    return incidents.HealedFailureCounted(
        TENANT, "search", "f9", "search-tuner", "search.query", ids.derive("healed", total), 1, total, at
    )


def refused(at: int) -> incidents.CommandRefused:
    """Somebody asked for what cannot be."""
    return incidents.CommandRefused(
        TENANT,
        ids.derive("command", 2),
        "carol",
        INCIDENT,
        "AcknowledgeIncident",
        "already_resolved",
        "INC-1 was resolved by bob",
        "Nothing is left to do.",
        at,
    )


def answer(n: int, code: str = "accepted") -> kernel.Answer:
    """What became of command `n`."""
    return kernel.Answer(TENANT, ids.derive("command", n), code, ("acknowledged",), (ids.derive("event", n),))


def started(at: int, **changes: Any) -> notifications.EscalationStarted:
    """Paging for INC-1 begins."""
    fields: dict[str, Any] = {"why": "opened", "policy": "payments-team", "policy_reason": "payments-team owns it"}
    return notifications.EscalationStarted(tenant=TENANT, incident_id=INCIDENT, number=1, at=at, **(fields | changes))


def requested(at: int, **changes: Any) -> notifications.PageRequested:
    """Somebody is to be paged for INC-1."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "notification_id": PAGE,
        "attempt": 1,
        "incident_id": INCIDENT,
        "number": 1,
        "why": "opened",
        "severity": "SEV3",
        "title": "PaymentError on payments",
        "resource": "payments",
        "since": T0 - 2_000,
        "failures": 1,
        "affected_count": 1,
        "person": "alice",
        "channel": notifications.Channel("webhook", "http://pager.example/alice"),
        "also_paged": (),
        "step": 1,
        "steps": 3,
        "round": 1,
        "rounds": 3,
        "link": "/incidents/INC-1",
        "at": at,
    }
    return notifications.PageRequested(**(fields | changes))


def delivered(at: int, **changes: Any) -> notifications.PageDelivered:
    """The page arrived."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "notification_id": PAGE,
        "attempt": 1,
        "person": "alice",
        "channel": notifications.Channel("webhook", "http://pager.example/alice"),
        "detail": "HTTP 200",
        "at": at,
    }
    return notifications.PageDelivered(**(fields | changes))


def page_failed(at: int, **changes: Any) -> notifications.PageFailed:
    """An attempt did not arrive."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "notification_id": PAGE,
        "attempt": 1,
        "person": "alice",
        "channel": notifications.Channel("webhook", "http://pager.example/alice"),
        "outcome": "no_outcome",
        "detail": "nothing within 10 s",
        "next": "ask_again",
        "at": at,
    }
    return notifications.PageFailed(**(fields | changes))


def stopped(at: int, by: str = "bob", reason: Any = "acknowledged") -> notifications.EscalationStopped:
    """Nobody further is paged for INC-1."""
    return notifications.EscalationStopped(TENANT, INCIDENT, 1, by, reason, at)


def exhausted(at: int) -> notifications.EscalationExhausted:
    """Nobody acknowledged INC-1."""
    return notifications.EscalationExhausted(TENANT, INCIDENT, 1, "payments-team", 3, "duty-manager", at)


def gap(kind: str, at: int = T0) -> Any:
    """A hole of numbers 5 and 6."""
    whose: dict[str, Any] = {"tenant": TENANT, "actor": "catalog-sync", "session": "s1", "first": 5, "last": 6}
    event = ids.derive("action", 7)
    match kind:
        case "opened":
            return ordering.SequenceGapOpened(**whose, event_id=event, at=at)
        case "filled":
            return ordering.SequenceGapFilled(**whose, event_id=event, late_ms=1_500, at=at)
    return ordering.SequenceGapDeclared(**whose, missing=(5, 6), missing_count=2, opened_at=at - 30_000, at=at)


def drift(at: int = T0) -> ordering.ClockDriftDetected:
    """A clock two hours behind."""
    return ordering.ClockDriftDetected(
        TENANT, "data-processor", "stale_timestamp", -7_200_000, ids.derive("action", 9), at
    )
