"""review: what was flagged (floods, unusual actors) with its evidence and verdict, and how external dependencies stand.

Reads incidents.events. Writes reviews (one row an episode), dependency_rates (one a dependency and partition of
signals) and dependency_states (one a dependency and region).
Who calls it: the runner (store.py); the gateway (queries.py, inside postgres.scoped), its limiter too.
Must never: decide. What it says of limits is what the processor said.
"""
