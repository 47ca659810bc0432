"""Recorded logs that every later version must decide alike, byte for byte (or declare what it decides otherwise).

What is here: one file for each set of decision versions that was ever current, `<name>.jsonl.gz`; story.py (what is
played), recording.py (the form of a file), record.py (`python -m tests.golden.record` writes the file of today).
Who calls it: tests/unit/golden replays every file, tests/tidy asks for a file of today's versions. A file is never
changed; what a newer version declares to differ is in declared.json. It must never hold anybody's real data.
"""
