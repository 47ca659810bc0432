"""The signals processor: which errors become a signal, and what in an action is a change, an effect or a label.

The host runs it over `actions.ordered` (key tenant/resource). It writes ErrorSignalled, FailureHealed,
ChangeObserved and WriteObserved to `incidents.commands`, EffectObserved and LabelObserved to `rml.commands`; its state
is one part for each failure that waits for its next try.
Invariants: every failure ends in a signal or in a healed count, once; a failure waits only when another try is to be
expected, and at most the retry window after its last try; a body is decoded only when the head or a waiting
failure calls for it. It must never group (that is the incidents processor) or page.
"""

from processors.kernel.decider import Decider
from processors.signals.decide import decide
from processors.signals.evolve import evolve
from processors.signals.face import SignalsFace
from processors.signals.state import PARTS

DECIDER = Decider(name="signals", version=3, decide=decide, evolve=evolve, parts=PARTS, on_heads=True, face=SignalsFace)
