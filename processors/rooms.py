"""The explicit table of processors: name -> Decider. A tidy test holds its names equal to those of topology.yaml.

Outside the floors: it may see every processor, and nobody below imports it (the wiring, the entry points and tests do).
"""

from __future__ import annotations

from collections.abc import Mapping

from processors import dedup, incidents, notifications, ordering, rml, signals
from processors.kernel.decider import Decider

DECIDERS: Mapping[str, Decider] = {
    "dedup": dedup.DECIDER,
    "ordering": ordering.DECIDER,
    "signals": signals.DECIDER,
    "incidents": incidents.DECIDER,
    "rml": rml.DECIDER,
    "notifications": notifications.DECIDER,
}
