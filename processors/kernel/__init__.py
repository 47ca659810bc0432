"""What deciding means: Decider, Decision, View, timers, the batch face, and the engine that runs one
processor over one partition.

Who calls it: every processor (the contract), the host (the engine), replay and tests. It reads records and
state parts that it is given, and writes outputs that it returns. It must never read a clock, draw a random
number, or do I/O.
"""
