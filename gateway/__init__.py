"""Every door of Mandate: HTTP, the web pages, the `mandate` command and the local stack.

What is here: `http/` (the API), `web/` (pages), `registry/` (the schemas), `cli/` (the command), `local/` (Kafka,
Postgres, Redis and our own processes on one machine), `client/` (what agents use in Python), `demo/` (the story).
Who calls it: people, agents and operators. It writes to Kafka (actions, commands) and reads the read models.
It must never decide: a rule belongs in a processor.
"""
