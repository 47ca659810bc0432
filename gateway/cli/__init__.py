"""The `mandate` command: one file per topic, loaded only when its command is called.

Who calls it: people, scripts and CI. Data goes to stdout, messages to stderr; `--json` on everything that
prints data; every exit code is in the command's help.
It talks to a running Mandate through its public doors (HTTP, topics); only the stack commands touch
processes. It must never import a library at the top of `main.py` that a command does not need: `mandate
--help` stays quick.
"""
