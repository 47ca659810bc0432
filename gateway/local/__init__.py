"""The local stack: real Kafka, Postgres and Redis and Mandate's own processes as supervised children.

Who calls it: the commands up, down, status, logs and doctor; the integration tests (`fix_stack.py`).
It reads `topology.yaml`, `pom.xml` and the MANDATE_* variables; it writes only below `.mandate/`.
It must never decide anything of the domain, touch a process it did not start, or need root or Docker.

The contract with our own processes (plain commands, settings by environment) is the table in `plan.py`.
`prerequisites.py` runs on a bare Python before anything is installed: this file must import nothing.
"""
