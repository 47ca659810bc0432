"""The rml processor: the tenant's ledger of effects, and the cases that come of it.

The host runs it over `rml.commands` (key tenant). It writes EffectEntered, EffectObservedAgain, CaseOpened and
CaseEntriesAdded to `rml.events`; its state is the head of the ledger, and for the window what was entered lately.
Invariants: every effect is in the ledger once, in one order per tenant, and each entry's hash covers all before it;
two effects alike within the window are one movement told twice (same external reference) or a suspected second
charge, never silently dropped; suspicion needs no proof, and no label lowers a world.
It must never move money, page anybody, or change an entry: a correction is one more entry.
"""

from processors.kernel.decider import Decider
from processors.rml.decide import decide
from processors.rml.evolve import evolve
from processors.rml.state import PARTS

DECIDER = Decider(name="rml", version=2, decide=decide, evolve=evolve, parts=PARTS)
