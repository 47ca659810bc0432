"""timeline: every ordered action as it arrived, and what is known about gaps and clocks.

Reads actions.ordered (heads and flags; the original bytes are kept and decoded on read) and ordering.events.
Writes timeline (partitioned by tenant and append day), timeline_counts, gap_events, drift_alerts.
Who calls it: the runner (store.py); the gateway (queries.py, inside postgres.scoped).
Must never: decode an action that reports no error while projecting; put a row at its event time.
"""
