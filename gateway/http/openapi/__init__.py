"""What every address of the API takes and answers, in words that a machine reads: the document at /openapi.json.

What is here: the words of a description (operation.py, schema.py, parts.py), one file of descriptions for each group of
addresses (actions.py, fates.py, incidents.py, cases.py, reading.py, operating.py), and the document made of the route
table (document.py).
Who calls it: `gateway.http.routes` names one description on each line of its table. Reads and writes: nothing.
Must never: describe an address that the table does not have, or be a second list of them.

To describe a new route, write an `Operation` beside its kin and name it last on the route's line; a name in braces of
its path goes into parts.PATH. What follows from the route's access and from having a body (401, 403, 408, 413, 415,
422, 429, 503) is added by document.py.
"""
