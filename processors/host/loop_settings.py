"""The limits of a loop, apart from the loop: who only reads settings does not load all that decides."""

from __future__ import annotations

from dataclasses import dataclass

from processors.host.ticks import HOLD_SECONDS


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Limits of the loop. `limits` is max.message.bytes by topic."""

    # 2,000 records took 20-50 ms to commit; more adds latency and no throughput worth having. Not so where most are
    # decided in place: 8,000 take 0.1 s and write the parts that they share once, not four times.
    batch_records: int = 2_000
    plain_batch_records: int = 8_000
    # 16 records of the largest size (512 KB); what four fetches bring.
    batch_bytes: int = 8_388_608
    pace_seconds: float = 0.020
    # A commit that waited out a broker's restart must not make the next batch wait as long.
    pace_seconds_max: float = 1.0
    # Timers a transaction may fire; 2,000 at 200 µs are 0.4 s, far below the transaction's time-out (5 s).
    firings: int = 2_000
    clock_ahead_ms: int = 5_000
    accept_clock: bool = False
    from_progress: bool = False
    tick_hold_seconds: float = HOLD_SECONDS
