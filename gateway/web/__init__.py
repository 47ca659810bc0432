"""The pages: incidents and one incident, rendered on the server with Jinja2, kept fresh by htmx.

Who calls it: `gateway.http` mounts its routes and gives it a `Backend`. What it reads: read models through that
backend, never a table or a topic. It must never decide, keep state, load anything from another host, or need a script
for reading and acknowledging (a plain form does that).
"""
