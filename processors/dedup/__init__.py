"""The dedup processor: is an action new, or sent again? It admits, drops what was delivered twice, and re-routes.

The host runs it over `actions.raw` (key tenant/actor). It writes the original bytes to `actions.unique` (same partition
number), what it drops to `actions.dropped`, what lies on a wrong partition back to `actions.raw`. It decides on the
head alone; its state is the window of sightings and a mark per session.
Invariants: nothing unseen is dropped; an id passes once within 300 s of log time; another id is another action, unless
its number was seen and has left the window; a dropped record changes no number, so it opens no gap downstream.
It must never decode a body, wait, or act.

The window (KERNEL 20). Sightings are packed as they arrive into pieces of 64, in slots of 300 s on a ring of three:
a transaction writes each sighting once and the open piece again, keys are used again and never tombstoned. What is
searched is an index over the pieces (sightings.py), which the kernel keeps with the state and makes anew at a restore:
a pure function of the parts, so the state stays a fold of its changelog.
An id admitted again 300-600 s after its first sighting carries `id_reused:<n>`; later it is forgotten and new.
The number of partitions comes with the command (`Command.partitions`): the map is the wiring's.
"""

from processors.dedup.decide import decide
from processors.dedup.evolve import evolve
from processors.dedup.face import DedupFace
from processors.dedup.sightings import Sightings
from processors.dedup.state import PARTS
from processors.kernel.decider import Decider

DECIDER = Decider(
    name="dedup",
    version=3,
    decide=decide,
    evolve=evolve,
    parts=PARTS,
    on_heads=True,
    face=DedupFace,
    index=Sightings,
)
