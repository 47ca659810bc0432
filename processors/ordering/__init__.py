"""The ordering processor: is an action in order, late, or did numbers go missing? Is its actor's clock off?

The host runs it over `actions.unique` (key tenant/actor). It passes every action on at once, original bytes, to
`actions.ordered` (key tenant/resource) with what it found as flags, and says gaps and clocks on `ordering.events`.
Invariants: nothing waits and nothing is dropped; a gap is opened once and ends filled or, 30 s of log time later,
declared missing; the first number seen of a session opens none (what was before may be before our time); an import of
the past (`backfill`) opens and declares nothing. It decides on the head alone and must never decode a body.
"""

from processors.kernel.decider import Decider
from processors.ordering.decide import decide
from processors.ordering.evolve import evolve
from processors.ordering.face import OrderingFace
from processors.ordering.state import PARTS

DECIDER = Decider(
    name="ordering", version=2, decide=decide, evolve=evolve, parts=PARTS, on_heads=True, face=OrderingFace
)
