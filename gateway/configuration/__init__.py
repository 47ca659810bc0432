"""Configuration of tenants: accepted by version under an optimistic lock, announced on the log through an outbox.

What is here: what is accepted (service.py, request.py, difference.py), its rows (store.py, `gateway/migrations/`), and
the runner that announces (outbox.py).
Who calls it: gateway.http (PUT and GET /v1/tenants/{tenant}/configuration). Reads and writes: its own tables; writes
ConfigurationAnnounced to the inputs of the processors that topology.yaml says need a document, and ChangeObserved, that
there is a new version, to the incidents processor.
Must never: put a token or a secret on the log; announce what was not accepted; accept what
schemas.configuration refuses.
"""
