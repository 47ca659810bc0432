"""overview: a tenant's incidents in short, in Redis, for what is asked often and must be quick.

Reads incidents.events; ignores events that it does not need. Writes, per tenant, one hash: incident id -> what a line
of a list shows, at most 2,000 of them (the oldest that are over go first).
Who calls it: the runner (store.py); the gateway (queries.py).
Must never: decide, count up (numbers come from events), or be the only place where something is remembered: the
read model `incidents` in Postgres has all of it.
"""
