"""dedup: was this action seen, and what became of it? Sightings of the last day by event id, in Redis.

Reads actions.raw, actions.unique (heads only), actions.dropped, dead.letters. Writes, per tenant, one hash a place and
ten minutes: event id -> where and when it was seen there (at most 16 lines: the first and the newest); and one hash a
partition and hour: session -> which of its numbers passed (marks.py).
Who calls it: the runner (store.py); the gateway (queries.py).
Must never: keep anything of an action's content (actions.raw is not yet redacted), decide, count up, or use a clock:
what expires, expires by the log time of its place, so a rebuild from the log gives the same keys.
"""
