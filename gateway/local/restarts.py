"""When a process that died is started again, and when it is given up. Pure: the caller brings the time."""

from __future__ import annotations

from collections import deque

# A crash is the normal way to stop, so the first restart is at once; doubling reaches 2 s at the sixth.
BACK_OFF_FIRST_S = 0.1
BACK_OFF_LAST_S = 2.0
# Five restarts with these delays take 3.1 s plus the process's own starts: whoever needs a sixth within a
# minute will not get well by itself.
RESTARTS_MAX = 5
WINDOW_S = 60.0


class Restarts:
    """The deaths of one process within the last minute."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque(maxlen=RESTARTS_MAX + 1)

    def after_death(self, now: float) -> float | None:
        """Seconds to wait before the next start, or None: give it up."""
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        self._deaths.append(now)
        if len(self._deaths) > RESTARTS_MAX:
            return None
        return float(min(BACK_OFF_FIRST_S * 2 ** (len(self._deaths) - 1), BACK_OFF_LAST_S))

    def forget(self) -> None:
        """Begin again: somebody asked for another try."""
        self._deaths.clear()
