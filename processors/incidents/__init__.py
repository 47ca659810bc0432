"""The incidents processor: which failures are one incident, how severe it is, who is on it, and when it was over.

The host runs it over `incidents.commands` (key: tenant); it writes `incidents.events`, which the incidents read model
and the notifications processor read. Its state is the tenant's open incidents, and closed ones for 30 days, changes
and alerts for as long.
Invariants: a failure (action id) counts once; a failure opens an incident only when no open one of the same resource
or declared service and of the same or a similar error is within the attach window; an alert (its source's own
identity) attaches once and ends once; severity falls only by a person; a resolved incident attracts nothing; imported
history (`historical`) never joins a live incident; every incident has a suggested cause, or says that there is no
candidate. A refusal is an event that names the moves allowed. It never reads a clock and never pages anybody.
"""

from processors.incidents.decide import decide
from processors.incidents.evolve import evolve
from processors.incidents.react import react
from processors.incidents.state import PARTS
from processors.kernel.decider import Decider

DECIDER = Decider(
    name="incidents", version=3, decide=decide, evolve=evolve, parts=PARTS, react=react, told_of=frozenset({"catalog"})
)
