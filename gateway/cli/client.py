"""A thin client of Mandate's HTTP API: one session, one bearer token, retries with the same bytes.

Called by every command that talks to the gateway, by the demo and by the import. A request is repeated while
the gateway is away, restarting or busy, until the client's deadline; bodies never change between tries, so
ids do not either. It must never invent an id for somebody else's action, nor take silence for an answer.

    ClientError
    ├── Unreachable   nobody answered until the deadline (the gateway is down, or stays busy)
    └── Refused       the gateway answered and said no: `status`, and the problem's code, detail and remedy
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp

from gateway.client import Receipt
from schemas.errors import MandateError

# 100, 200, 400 ms … up to 2 s: a gateway restarts in 1-2 s, so it is met within one step of its return.
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0
# A Retry-After is followed, but no longer than this: the deadline is the caller's promise, not the server's.
RETRY_AFTER_MAX_S = 5.0
# Kafka killed and restarted takes 4-14 s, the whole stack less than a minute.
DEADLINE_S = 60.0
# For a person who looks at something: long enough for a gateway that restarts, short enough to hear that
# nothing runs.
QUICK_DEADLINE_S = 10.0
# The gateway answers a write after the broker has (message time-out 4.5 s), a read within 5 s
# (statement_timeout).
REQUEST_S = 15.0
# 500 is a bug or a database that went away in the middle: some tries for the second, no endless hope for the
# first.
INTERNAL_TRIES = 8
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
# The gateway takes 1,000 actions and 4 MB; half of it keeps one answer small and one retry cheap.
BATCH_ACTIONS = 500
BATCH_BYTES = 2 * 1_048_576

Json = dict[str, Any]


class ClientError(MandateError):
    """A request did not end well."""


class Unreachable(ClientError):
    """No answer until the deadline."""


class Refused(ClientError):
    """The gateway said no; `status` is HTTP's, the rest is its problem document."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(
            str(problem.get("code") or f"http_{status}"),
            str(problem.get("title") or "the request"),
            str(problem.get("detail") or f"the gateway answered {status}"),
            str(problem.get("remedy") or "Look at the gateway's log: mandate logs gateway"),
            field=problem.get("field"),
        )
        self.status = status
        self.problem = problem


@dataclass(slots=True)
class Sent:
    """What became of a list of actions, by its indexes. `resent`: sent again because an answer did not
    come; `warnings`: what the receipt of an accepted action names, such as fields that nobody knows."""

    receipts: dict[int, Receipt] = field(default_factory=dict)
    warnings: dict[int, list[Json]] = field(default_factory=dict)
    problems: dict[int, Json] = field(default_factory=dict)
    resent: set[int] = field(default_factory=set)


class Client:
    """Use as `async with Client(url, token) as client`. Times are seconds, `deadline_s` counts from each
    call."""

    def __init__(self, url: str, token: str | None, *, deadline_s: float = DEADLINE_S) -> None:
        self.url = url.rstrip("/")
        self.deadline_s = deadline_s
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=aiohttp.ClientTimeout(total=REQUEST_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **query: str | int | None) -> Json:
        """The body of a GET. Raises Unreachable, Refused."""
        given = {key: str(value) for key, value in query.items() if value is not None}
        return (await self.request("GET", path, query=given))[1]

    async def knock(self) -> None:
        """Wait until anybody answers, at most QUICK_DEADLINE_S: before long work. Raises Unreachable."""
        end = time.monotonic() + QUICK_DEADLINE_S
        while True:
            status, answer, _ = await self._once("GET", "/healthz", None, None, {})
            if status is not None:
                return
            if time.monotonic() + LONGEST_WAIT_S / 4 > end:
                raise self._late(status, answer, QUICK_DEADLINE_S)
            await asyncio.sleep(LONGEST_WAIT_S / 4)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
        unanswered: Callable[[], None] | None = None,
    ) -> tuple[int, Json]:
        """Status (2xx) and body; repeats while the gateway is away or busy. `key` is the Idempotency-Key.

        `unanswered` is called when a try may have been done although no answer came. Raises Unreachable,
        Refused.
        """
        raw = None if body is None else json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} if raw is not None else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        end = time.monotonic() + self.deadline_s
        wait, internal = FIRST_WAIT_S, 0
        while True:
            status, answer, after = await self._once(method, path, raw, query, headers)
            if status is not None and status < 300:
                return status, answer
            if status == 500:
                internal += 1
            if status is not None and (status not in RETRIED or internal >= INTERNAL_TRIES):
                raise Refused(status, answer)
            if unanswered is not None and status != 429:
                unanswered()
            pause = min(max(after, wait), RETRY_AFTER_MAX_S)
            if time.monotonic() + pause > end:
                raise self._late(status, answer)
            await asyncio.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT_S)

    async def send(self, actions: Sequence[Json], *, key: str | None = None) -> Sent:
        """Hand over up to BATCH_ACTIONS actions; items that the gateway could not take now are sent again.

        Refused items are reported in `problems`, never raised. Raises Unreachable, and Refused for the whole.
        """
        out = Sent()
        left = list(range(len(actions)))
        end = time.monotonic() + self.deadline_s
        wait = FIRST_WAIT_S
        while left:
            results = await self._post(actions, left, key, out)
            again: list[int] = []
            for index, result in zip(left, results, strict=True):
                status = int(result.get("status", 0))
                if status == 202:
                    out.receipts[index] = Receipt(
                        str(result["event_id"]),
                        str(result["topic"]),
                        int(result["partition"]),
                        int(result["offset"]),
                    )
                    if result.get("warnings"):
                        out.warnings[index] = result["warnings"]
                elif status in RETRIED:
                    again.append(index)
                    if status != 429:  # which says that nothing was written
                        out.resent.add(index)
                else:
                    out.problems[index] = result.get("problem") or {"status": status}
            left = again
            if left:
                if time.monotonic() + wait > end:
                    raise self._late(503, {})
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT_S)
        return out

    async def _post(self, actions: Sequence[Json], left: list[int], key: str | None, out: Sent) -> list[Json]:
        # With a key ids derive from an action's place in the request: then the whole list is sent again.
        chosen = list(range(len(actions))) if key is not None else left

        def unanswered() -> None:
            out.resent.update(chosen)

        body = {"actions": [actions[i] for i in chosen]}
        try:
            _, answer = await self.request("POST", "/v1/actions", body=body, key=key, unanswered=unanswered)
        except Refused as refused:
            if refused.status != 422:
                raise
            # Every item was refused: each has its own problem, or the whole has one.
            answer = refused.problem
            if "results" not in answer:
                answer = {"results": [{"status": 422, "problem": answer} for _ in chosen]}
        results = answer["results"]
        return [results[chosen.index(i)] for i in left] if key is not None else list(results)

    async def _once(
        self, method: str, path: str, raw: bytes | None, query: Mapping[str, str] | None, headers: Json
    ) -> tuple[int | None, Json, float]:
        """One try: (status or None without an answer, body, seconds that the gateway asks to wait)."""
        assert self._session is not None, "use the client as a context manager"
        try:
            async with self._session.request(
                method, self.url + path, data=raw, params=query, headers=headers, allow_redirects=False
            ) as response:
                text = await response.read()
                return response.status, _body(text), _seconds(response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return None, {"detail": f"{type(error).__name__}: {error}"}, 0.0

    def _late(self, status: int | None, answer: Json, seconds: float | None = None) -> Unreachable:
        why = str(answer.get("detail") or f"it answered {status}")
        return Unreachable(
            "gateway_unreachable" if status is None else str(answer.get("code") or "gateway_busy"),
            f"the gateway at {self.url}",
            f"no answer within {seconds or self.deadline_s:.0f} s (last: {why})",
            "See what runs: mandate status. Start it: mandate up. Another address: --url or MANDATE_URL.",
        )


def batches(actions: Sequence[Json]) -> list[list[Json]]:
    """Lists of at most BATCH_ACTIONS actions and about BATCH_BYTES, in order."""
    out: list[list[Json]] = []
    size = BATCH_BYTES
    for action in actions:
        length = len(json.dumps(action, separators=(",", ":"), ensure_ascii=False).encode())
        if not out or len(out[-1]) >= BATCH_ACTIONS or size + length > BATCH_BYTES:
            out.append([])
            size = 0
        out[-1].append(action)
        size += length
    return out


def _body(text: bytes) -> Json:
    try:
        plain = json.loads(text) if text else {}
    except ValueError:
        return {"detail": text[:200].decode("utf-8", "replace")}
    return plain if isinstance(plain, dict) else {"items": plain}


def _seconds(value: str | None) -> float:
    try:
        return max(0.0, float(value)) if value else 0.0
    except ValueError:
        return 0.0
