"""Readers of what others know of services: Backstage, Kubernetes, GitHub's CODEOWNERS, and our own YAML (seed 21).

What is here: one reader for each, the bounded reading of YAML and JSON (texts.py), and what they have in common
(told.py). Who calls it: gateway.catalog.importing. Reads: texts that it is given. Writes nothing.
Must never: guess what a file means. What does not parse is refused with its file and line; what names something
unknown is told and reported.
"""
