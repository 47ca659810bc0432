"""Nothing unaccounted: whatever was accepted, and whatever had to be told, has an outcome; by sets of ids.

What is here: window.py (times to positions, waiting for the pipeline), spill.py (sets of ids in files, so that memory
does not grow with the window), actions.py (receipts, `actions.raw`, and what became of it), pages.py (pages and their
outcomes), progress.py (what each processor says it decided, beside its input).
Who calls it: `mandate reconcile`. Reads: a History, the timeline's rows, where processors stand. Writes: only
temporary files. It must never count where it can name, write to the log, or call missing what is only on its way.
"""
