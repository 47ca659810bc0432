"""cases: the governed ledger of a tenant's effects, and its RML cases.

Reads rml.events. Writes ledger_entries (one row an entry, with how often it was told), cases (one row a case) and
case_entries (which entries a case names).
Who calls it: the runner (store.py); the gateway (queries.py, inside postgres.scoped).
Must never: decide, or recompute a hash: rows hold what the processor said, so that an auditor can find a difference.
"""
