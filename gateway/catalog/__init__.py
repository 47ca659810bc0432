"""The service catalog at the doors: what is in force, who owns what, and how catalogs of others become ours.

What is here: the catalog and the people of a tenant as they are accepted (current.py), the owner graph and the path of
an escalation (owners.py), pictures (picture.py), and the readers of other systems' files (sources/, merging.py).
Who calls it: gateway.http.catalog, gateway.web.catalog, gateway.cli.catalog. Reads: the table of configuration.
Writes nothing: an import goes through the door of configuration like everything else.
Must never: decide what was hit (that is the incidents processor's), or page anybody.
"""
