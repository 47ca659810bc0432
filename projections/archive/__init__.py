"""archive: every record of every topic, as it was, in Parquet files, with a manifest of what is in which file.

Who calls it: the runner (store.py); replay, what-if, rebuild and reconcile (history.py, the contract of
processors/host/history.py); `mandate archive` (verify.py, merge.py, cold.py).
Reads every topic of topology.yaml, committed records only. Writes files below MANDATE_ARCHIVE (files.py) and, in one
Postgres transaction, its positions and the rows of `archive_manifest` (ledger.py). A file is part of the archive when
its row is, never before; what lies beside without a row is removed by the next run.
`project.py` is pure: records to columns, and `passed`, the one function between a record and a file.
Must never: let a record into a file except through `passed`; delete a file that a row names; write after a newer run
has begun (every run has a number, and only the newest may commit).
"""
