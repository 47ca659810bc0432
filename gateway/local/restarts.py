"""When a process that died is started again, and when it is given up. Pure: the caller brings the time."""

from __future__ import annotations

from collections import deque

# A crash is the normal way to stop, so who had been well is started again at once. The delay doubles only for who
# dies without ever having been well: 1.6 s at the fifth.
BACK_OFF_FIRST_S = 0.1
BACK_OFF_LAST_S = 2.0
# Whoever needs a sixth restart within a minute will not get well by itself, well in between or not.
RESTARTS_MAX = 5
WINDOW_S = 60.0


class Restarts:
    """The deaths of one process within the last minute."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=RESTARTS_MAX + 1)
        self._in_vain = 0

    def after_death(self, now: float, *, was_well: bool) -> float | None:
        """Seconds to wait before the next start, or None: give it up. `was_well`: it had served since its start."""
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        self._deaths.append(now)
        self._in_vain = 0 if was_well else min(self._in_vain + 1, len(self._deaths))
        if len(self._deaths) > RESTARTS_MAX:
            return None
        return float(min(BACK_OFF_FIRST_S * 2 ** max(0, self._in_vain - 1), BACK_OFF_LAST_S))

    def forget(self) -> None:
        """Begin again: somebody asked for another try."""
        self._deaths.clear()
        self._in_vain = 0
