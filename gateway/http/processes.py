"""How each process is by its own word: GET /healthz of those whose addresses are known, for GET /v1/pipeline.

The addresses are MANDATE_PROCESSES (`name=host:port,…`); the local stack and the chart set it. A process without an
address is told as one that cannot be asked: its processors' lag (lag.py) is then all that is known of it.
Only states and stable codes are passed on: a reason in words may hold what is another tenant's.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import aiohttp

from projections.plain import time_text
from schemas.errors import MandateError
from schemas.topology import Topology

Json = dict[str, Any]
State = Literal["healthy", "unhealthy", "no_answer", "cannot_be_asked"]

# A process on this machine answers in a millisecond; one that does not within this is as good as away.
ANSWER_S = 1.0
# The page asks every 5 s, for every reader: a process is asked once for all of them.
KEPT_S = 3.0
# A verdict has a line a thread; the largest of ours is 3 KB.
BODY_MAX = 65_536
PROCESSES_MAX = 256
CODES_MAX = 8
_NAME = re.compile(r"\A[a-z0-9][a-z0-9.-]{0,99}\Z")
_CODE = re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z")
# Names of processes that run all of a kind; else a processor's or read model's own, with its slot after it.
_ALL = {"processor": "processors", "projection": "projections"}


def addresses(text: str | None) -> dict[str, str]:
    """Process to host:port. Raises MandateError `setting_malformed`."""
    out: dict[str, str] = {}
    for word in (text or "").split(","):
        if not word.strip():
            continue
        name, _, address = word.strip().partition("=")
        host, _, port = address.rpartition(":")
        if _NAME.match(name) is None or name in out or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise _malformed(f"{word.strip()[:80]!r} is not name=host:port, or its name comes twice")
        out[name] = address
    if len(out) > PROCESSES_MAX:
        raise _malformed(f"it names {len(out)} processes, at most {PROCESSES_MAX} are asked")
    return out


def expected(topology: Topology) -> list[str]:
    """What must run, one name for each processor and read model, and the effects: as their own processes are called."""
    rooms, models = topology.rooms, topology.projections
    return [*(f"processor-{name}" for name in rooms), *(f"projection-{name}" for name in models), "effects"]


def covers(name: str, unit: str) -> bool:
    """Does the process `name` run `unit`? `processors` runs all of them, `processor-dedup-0` is a slot of one."""
    kind = unit.partition("-")[0]
    slot = name.removeprefix(f"{unit}-")
    return name in (unit, _ALL.get(kind)) or (slot != name and slot.isdecimal())


class Processes:
    """Asks when somebody wants to know, at most every KEPT_S, all at once. For one event loop."""

    def __init__(
        self, topology: Topology, known: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._known = dict(known)
        self._silent = [u for u in expected(topology) if not any(covers(name, u) for name in known)]
        self._clock = clock
        self._asking = asyncio.Lock()
        self._at = float("-inf")
        self._found: list[Json] = []
        self._session: aiohttp.ClientSession | None = None

    async def look(self) -> list[Json]:
        """[{name, state, threads: {name: state}, codes, asked_at}]; never raises for a process that does not answer."""
        async with self._asking:
            if self._clock() - self._at > KEPT_S:
                asked = await asyncio.gather(*(self._ask(name, address) for name, address in self._known.items()))
                self._found = [*asked, *(_told(name, "cannot_be_asked", None) for name in self._silent)]
                self._at = self._clock()
        return self._found

    async def close(self) -> None:
        """Give up connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, name: str, address: str) -> Json:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        at = time.time_ns() // 1_000_000
        try:
            async with self._session.get(f"http://{address}/healthz", allow_redirects=False) as answer:
                status, body = answer.status, await answer.content.read(BODY_MAX)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return _told(name, "no_answer", at)
        return judged(name, status, body, at)


def judged(name: str, status: int, body: bytes, at: int) -> Json:
    """What an answer says. A process that answers something else is not one of ours, and not healthy."""
    try:
        plain: Any = json.loads(body)
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        return _told(name, "unhealthy", at)
    out = _told(name, "healthy" if status == 200 else "unhealthy", at)
    threads = plain.get("threads")
    if isinstance(threads, dict):
        # The first word is the state; what follows is for the log.
        out["threads"] = {str(k)[:100]: str(v).split(":")[0].split(" ")[0][:32] for k, v in threads.items()}
    models = plain.get("projections")
    if isinstance(models, dict):
        out["threads"] = {str(k)[:100]: "running" if _alive(v) else "dead" for k, v in models.items()}
    parts = plain.get("parts")
    if isinstance(parts, dict):
        out["threads"] = {str(k)[:100]: "running" if v is True else "dead" for k, v in parts.items()}
    errors = plain.get("errors")
    if isinstance(errors, list):
        codes = [str(e.get("code")) for e in errors if isinstance(e, dict)]
        out["codes"] = [code for code in dict.fromkeys(codes) if _CODE.match(code)][:CODES_MAX]
    return out


def _alive(said: Any) -> bool:
    return isinstance(said, dict) and said.get("alive") is True


def _told(name: str, state: State, at: int | None) -> Json:
    return {"name": name, "state": state, "threads": {}, "codes": [], "asked_at": time_text(at)}


def _malformed(why: str) -> MandateError:
    return MandateError(
        "setting_malformed", "MANDATE_PROCESSES", why, "Write it like processors=10.0.0.7:8080,effects=effects-0:8080."
    )
