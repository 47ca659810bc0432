"""Old majors lifted to today's, one pure dict -> dict step each: UPCASTERS[(home, name)][from_major] = step.

Empty as long as every message is at major 1; minors need none (they only add fields with defaults).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTERS: Mapping[tuple[str, str], Mapping[int, Step]] = {}
