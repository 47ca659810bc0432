"""Projections: readers of the log whose output is rows for reading. What people see is remembered here.

What is here: timeline/, incidents/ and pages/ (each: project.py pure, store.py writes, queries.py reads), the runner
that moves them, rebuild.py and rebuild_redis.py that build a version beside and swap it, positions by compare-and-set
(positions.py), tables (migrations/), scoped reading (postgres.py).
Who calls it: `python -m projections`; the gateway calls queries.py and summary.py inside `postgres.scoped`.
Reads: the topics that topology.yaml names for each projection, committed records only. Writes: its own tables and
`projection_offsets`, both in one Postgres transaction.
Must never: write to the log, do a side effect, decide anything, or read a clock for what it stores (`processed_at` is
the database's and is part of no checksum).
"""
