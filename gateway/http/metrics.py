"""The gateway's metrics: declared once, with what each is for. Labels are bounded words of our own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """One registry per process (or test). Counting a request or an action goes through `request` and `action`, which
    keep what `labels` would look up anew each time."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mandate_http_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "mandate_http_seconds",
            "From a request's head to its answer. Slow: look at mandate_gateway_lag_seconds and the broker.",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=self.registry,
        )
        self.actions = Counter(
            "mandate_actions", "Actions by what became of them.", ["outcome"], registry=self.registry
        )
        self.commands = Counter(
            "mandate_commands", "People's commands by what became of them.", ["outcome"], registry=self.registry
        )
        self.in_flight = Gauge(
            "mandate_sender_in_flight", "Records that await the broker's acknowledgement.", registry=self.registry
        )
        self.lag = Gauge(
            "mandate_gateway_lag_seconds",
            "How far each processor is behind. Above the limit actions are answered 429.",
            ["processor"],
            registry=self.registry,
        )
        self.outbox = Gauge(
            "mandate_outbox_pending",
            "Configuration announcements not yet on the log. Growing: the broker, or no gateway holds the lock.",
            registry=self.registry,
        )
        self.unaccounted = Gauge(
            "mandate_unaccounted_actions",
            "Accepted actions of the last minutes without an outcome. Not 0: run `mandate reconcile`; NaN: not known.",
            registry=self.registry,
        )
        self._requests: dict[tuple[str, int], Counter] = {}
        self._seconds: dict[str, Histogram] = {}
        self._actions: dict[str, Counter] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        counter = self._requests.get((route, status))
        if counter is None:
            counter = self._requests[route, status] = self.requests.labels(route, str(status))
            self._seconds[route] = self.seconds.labels(route)
        counter.inc()
        self._seconds[route].observe(seconds)

    def action(self, outcome: str, count: int) -> None:
        """Count actions that had the same outcome."""
        counter = self._actions.get(outcome)
        if counter is None:
            counter = self._actions[outcome] = self.actions.labels(outcome)
        counter.inc(count)
