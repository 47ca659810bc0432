"""The seeded world: the whole pipeline in one process on the log in memory and virtual time, and what goes wrong in it.

A seed draws what agents, people and gateways send, what fails and when; the real processors, kernel, loop, restore and
read models run on it; independent checkers look at what came out. The same seed gives the same log, byte for byte.
Who calls it: `python -m tests.simulation`, `make simulate`, `make mutants`, and the tests in this folder.
It reads nothing and writes nothing outside this process. A checker must never ask a processor's rules what is right:
it knows what was sent, and reads what was said.
"""
