"""Every metric of this service, declared once. Labels are bounded: kinds and outcomes of the schema."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from processors.effects.channels import Verdict
from schemas.messages.notifications import Request

# From a page seen at once to one that waited for a restart.
AGE_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)


class Metrics:
    """Counters of one process. Each has a registry of its own, so that tests do not meet each other's."""

    def __init__(self) -> None:
        r = self.registry = CollectorRegistry()
        self.relayed = Counter("mandate_effects_relayed", "Requests copied to the plain topic", registry=r)
        self.skipped = Counter(
            "mandate_effects_skipped", "Records read and not sent on, by reason", ["reason"], registry=r
        )
        self.requests = Counter("mandate_effects_requests", "Requests taken up, by channel", ["channel"], registry=r)
        self.outcomes = Counter(
            "mandate_effects_outcomes", "Outcomes reported, by channel and outcome", ["channel", "outcome"], registry=r
        )
        self.repeated = Counter(
            "mandate_effects_repeated", "Requests answered from memory instead of sent again", registry=r
        )
        self.unreported = Counter(
            "mandate_effects_unreported",
            "Outcomes that the log did not take; the processor asks again. Look at Kafka",
            registry=r,
        )
        self.refused = Counter("mandate_effects_refused", "Requests refused because a bound was reached", registry=r)
        self.in_flight = Gauge("mandate_effects_in_flight", "Targets being served now", registry=r)
        self.waiting = Gauge("mandate_effects_waiting", "Requests in line behind those", registry=r)
        self.age = Histogram(
            "mandate_effects_age_seconds",
            "From the processor's decision to the outcome",
            registry=r,
            buckets=AGE_BUCKETS,
        )

    def finished(self, request: Request, verdict: Verdict, now_ms: int) -> None:
        """Count one outcome."""
        self.outcomes.labels(request.channel.kind, verdict.outcome).inc()
        self.age.observe(max(0, now_ms - request.at) / 1000)
