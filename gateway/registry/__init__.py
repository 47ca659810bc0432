"""`/schema-registry`: the schemas under the REST API of Confluent's Schema Registry, for every tool that speaks it.

What is here: subjects.py (which subjects there are, and their versions; pure), answers.py (what each address answers;
pure), doors.py (the addresses over HTTP).
Who calls it: serializers, consoles and consumers of others, without a token: schemas are part of what we publish, the
same for every tenant, and say nothing about anybody. It reads `schemas/` and the map, both in memory, and writes
nothing: a schema is added by a release. It must never take a schema in, nor answer an error in another form than the
registry's own {"error_code", "message"}, which clients parse.
"""
