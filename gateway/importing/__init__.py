"""Other systems' histories as actions. Now: AWS CloudTrail.

What is here: `files.py` reads files, `cloudtrail.py` translates records, `identity.py` and `nesting.py` are
its rules, `live.py` re-times a history so that it happens now. All but `files.py` is pure: the same file
gives the same actions, with the same ids, for ever.
Who calls it: `mandate import`. It must never send anything itself, invent what a record does not say, or drop
a record without a reason that the report shows.
"""
