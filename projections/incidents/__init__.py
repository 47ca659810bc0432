"""incidents: what is wrong now and how it came: incidents, their timelines, changes, healed failures, answers.

Reads incidents.events. Writes incidents (one row an incident, as it is now), incident_events (one sentence an event),
changes, healed_failures, answers, refusals.
Who calls it: the runner (store.py); the gateway (queries.py, inside postgres.scoped).
Must never: decide; every number comes from an event.
"""
