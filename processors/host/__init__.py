"""The host: runs any pure room on a log. The only code that imports the Kafka client; it knows no domain
word.

What is here: the loop (loop.py), its transport on Kafka (kafka.py, restore.py) and in memory (memory.py),
ticks, the plain reader, sender and admin for read models and doors, metrics, health, settings.
Who calls it: processors/wiring.py runs rooms on it; projections, effects and gateway use reader, sender and
admin. Reads and writes: the topics that topology.yaml names for a room, and that room's changelog; nothing
else. Must never: decide, decode a payload, read a clock for a decision, do anything outside the log inside a
transaction.
"""
