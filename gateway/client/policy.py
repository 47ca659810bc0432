"""How patient a client is, and how much it keeps: every limit with its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

# What the gateway takes of one action is less (512 KB as a record); more than this is not even kept.
ACTION_BYTES_MAX = 1_048_576


@dataclass(frozen=True, slots=True)
class Policy:
    """Times are seconds, sizes bytes. The defaults suit an agent that does up to some hundred actions a second."""

    # The gateway takes 1,000 actions and 4 MB at once; a half and a quarter keep one retry cheap.
    batch_actions: int = 500
    batch_bytes: int = 1_048_576
    # An action waits this long for company, unless somebody waits for its receipt.
    linger_s: float = 0.05
    # The gateway answers after the broker has, at most 10 s (gateway.http.ingest.ACKNOWLEDGE_S), on a busy day more.
    request_s: float = 15.0
    # 100, 200, 400, 800, 1,600 ms: five tries (seed 6.2), and then 1,600 ms for as long as the circuit is closed.
    first_wait_s: float = 0.1
    tries: int = 5
    # Ten failures in a row take about 10 s; then one try every 30 s, until one succeeds (seed 6.2).
    breaker_failures: int = 10
    breaker_s: float = 30.0
    # A Retry-After is followed this far: a server that says "in a year" must not end the deliveries.
    retry_after_max_s: float = 60.0
    # On disk: about 200,000 ordinary actions of 300 bytes, 5.5 hours at 10 a second. In memory a quarter of it.
    spill_bytes: int = 64 * 1_048_576
    memory_bytes: int = 16 * 1_048_576
    # How long `flush` and the end of a `with` block wait: a gateway restarts in 1-2 s.
    flush_s: float = 10.0


DEFAULT = Policy()
