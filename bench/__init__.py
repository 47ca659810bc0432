"""Measurements, by hand: what a page takes on a running stack, what an event costs in each pure processor.

Who calls it: a person (`python -m bench.page_latency`, `python -m bench.per_event`; see README.md here). It reads the
running local stack through its public doors, and the processors as code. No test asserts a time, and nothing of
Mandate may import this.
"""
