"""The notifications processor: who is told about an incident, when, on which channel, and what came of it.

The host runs it over `notifications.commands` (key: tenant); it writes `notifications.events`, which the pages read
model, the effects service (it sends) and the incidents processor read. Its state is the escalation and the pages of
each incident, until 30 days after it was resolved.
Invariants: every page asked for ends in an outcome, in `given_up`, or because somebody acknowledged or resolved;
timers that wait for the outside world start when the request's own echo (PageHanded) is read back, so that a backlog
cannot fire an escalation before its first page has left; when a step's wait is over, the next person is paged after
all that was on the log by then is decided (TakeNextStep, read back), so that no acknowledgement on the log comes too
late; one person has at most one page in flight per incident;
after an acknowledgement only a raised severity pages. It never sends anything and never reads a clock.
"""

from processors.kernel.decider import Decider
from processors.notifications.decide import decide
from processors.notifications.evolve import evolve
from processors.notifications.react import react
from processors.notifications.state import PARTS

DECIDER = Decider(name="notifications", version=4, decide=decide, evolve=evolve, parts=PARTS, react=react)
