"""The HTTP API `/v1`: actions in, commands in, read models out, configuration, and what operators look at.

What is here: the URL table (routes.py), who asks (auth.py, tokens.py), one problem document per error (problems.py),
JSON to Action (action_json.py, fields.py), ingest.py, commands.py with the tail of answers (answers.py), reads.py,
back-pressure by lag (lag.py), wiring (app.py, services.py).
Who calls it: agents, the CLI, the pages, other systems. Writes: `actions.raw`, `incidents.commands`, and through
gateway.configuration its own tables. Reads: read models through the projections' queries, answers from the log's tail.
Must never: decide; answer 202 before all replicas have the record; keep a token or a body in a log; serve a request
that belongs to no tenant (except configuration by the operator, which names the tenant in its path).
"""
