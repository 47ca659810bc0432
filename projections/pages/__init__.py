"""pages: who was paged, by which channel, what came of it, and how far each escalation has come.

Reads notifications.events. Writes pages (one row a notification_id), escalations (one an incident), page_events
(entries for the incident's timeline).
Who calls it: the runner (store.py); the gateway (queries.py, inside postgres.scoped).
Must never: send anything. A page is sent by effects; here is only what became of it.
"""
