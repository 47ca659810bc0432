"""Processors: pure rooms (dedup, ordering, signals, incidents, rml, notifications), the host that runs them, the
effects.

`python -m processors NAME[,NAME…] --slot N` runs them (`__main__.py`); `rooms.py` is the table of rooms and
`wiring.py` the composition root. Floors: kernel(2) < rooms(3) < host and effects(4); rooms never import each
other or the host.
"""
