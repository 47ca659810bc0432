"""The dedup processor: is an action new, or sent again? It admits, drops what was delivered twice, and re-routes.

The host runs it over `actions.raw` (key tenant/actor). It writes the original bytes to `actions.unique` (same partition
number), what it drops to `actions.dropped`, what lies on a wrong partition back to `actions.raw`. It decides on the
head alone; its state is the window of sightings and a mark per session.
Invariants: nothing unseen is dropped; an id passes once within 300 s of log time; another id is another action, unless
its number was seen and has left the window; a dropped record changes no number, so it opens no gap downstream.
It must never decode a body, wait, or act.

The window. KERNEL 20 packs sightings in order of arrival, which a pure view cannot search by id without an index
outside the state. Here they are packed by 1,024 buckets of their digest and slots of 300 s on a ring of three: a
look-up reads three parts (more only above 600 sightings of one bucket in a slot), an action writes one to three, keys
are used again and never tombstoned, and the state is a fold of its parts. It costs changelog bytes: a touched part is
written whole, 8 KB at most at 500 actions/s and 0.2 KB at 10/s; packed order writes 32 KB a transaction on average.
An id admitted again 300-600 s after its first sighting carries `id_reused:<n>`; later it is forgotten and new.
The number of partitions comes with the command (`Command.partitions`): the map is the wiring's.
"""

from processors.dedup.decide import decide
from processors.dedup.evolve import evolve
from processors.dedup.face import DedupFace
from processors.dedup.state import PARTS
from processors.kernel.decider import Decider

DECIDER = Decider(name="dedup", version=2, decide=decide, evolve=evolve, parts=PARTS, on_heads=True, face=DedupFace)
