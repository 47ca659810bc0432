"""One request from bytes to outcome, with a channel and a log of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from processors.effects import service, settings
from processors.effects.channels import Verdict
from processors.effects.handled import Handled
from processors.effects.hands import Hands
from processors.effects.lanes import Limits
from processors.effects.metrics import Metrics
from processors.host.errors import Fatal, HostError, SendFailed
from processors.host.places import Placed
from schemas import codec, envelope, ids
from schemas.messages.kernel import DeadLetter
from schemas.messages.notifications import Channel, PageRequested, ReportOutcome, Request
from schemas.record import Output, Record
from tests.support.effects import notice_requested, page_requested

DELIVERED = Verdict("delivered", "HTTP 200")


class Pager:
    """A channel that answers with what it was given, and remembers what it was asked."""

    def __init__(self, *answers: Verdict | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    async def send(self, request: Request) -> Verdict:
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else DELIVERED
        if isinstance(answer, Exception):
            raise answer
        return answer


class Hanging:
    """A channel that never answers."""

    async def send(self, request: Request) -> Verdict:
        await asyncio.Event().wait()
        return DELIVERED


class Log:
    """Takes outputs; fails with what it was given, once each."""

    def __init__(self, *failures: HostError) -> None:
        self.failures = list(failures)
        self.outputs: list[Output] = []

    async def send(self, output: Output) -> Placed:
        if self.failures:
            raise self.failures.pop(0)
        self.outputs.append(output)
        return Placed(output.topic, 0, len(self.outputs))

    @property
    def reports(self) -> list[ReportOutcome]:
        words = codec.Words((ReportOutcome, DeadLetter))
        return [m for m in (words.decode(o.value) for o in self.outputs) if isinstance(m, ReportOutcome)]


class Bench:
    """Hands with everything around them."""

    def __init__(self, channel: Any, log: Log | None = None, **options: Any) -> None:
        self.log = log or Log()
        self.done: list[int] = []
        self.fatal: list[HostError] = []
        self.metrics = Metrics()
        self.hands = Hands(
            {"webhook": channel},
            self.log.send,
            "notifications.commands",
            self.metrics,
            on_fatal=self.fatal.append,
            **options,
        )
        self._offset = 0

    async def take(self, value: bytes | Request, headers: tuple[tuple[str, bytes], ...] = ()) -> int:
        raw = value if isinstance(value, bytes) else codec.encode(value)
        offset, self._offset = self._offset, self._offset + 1
        await self.hands.take(
            Record("effects.requests", 0, offset, 1_700_000_000_000, b"k", raw, headers), self._acker(offset)
        )
        return offset

    def _acker(self, offset: int) -> Callable[[], None]:
        return lambda: self.done.append(offset)

    async def settle(self) -> None:
        await self.hands.lanes.drain(60)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0


def hook(**changes: Any) -> PageRequested:
    return page_requested(channel=Channel("webhook", "https://pager.example/"), **changes)


async def test_an_outcome_goes_back_under_the_attempts_own_id() -> None:
    bench = Bench(Pager())
    request = hook()
    cause = ids.derive("the request's record")
    await bench.take(request, envelope.headers_of(cause, "PageRequested", "notifications", "shop", 1))
    await bench.settle()
    assert bench.log.reports == [
        ReportOutcome("shop", request.incident_id, request.notification_id, 1, "delivered", "HTTP 200")
    ]
    output = bench.log.outputs[0]
    assert (output.topic, output.partition, output.key) == ("notifications.commands", None, b"shop")
    read = Record(output.topic, 0, 0, 0, output.key, output.value, output.headers)
    assert envelope.record_id(read) == ids.derive("outcome", request.notification_id, 1)
    assert (envelope.CE_CAUSE, ids.text(cause).encode()) in output.headers
    assert bench.done == [0]
    assert bench.count("mandate_effects_outcomes_total", channel="webhook", outcome="delivered") == 1


async def test_a_notice_is_sent_once_and_nobody_is_told_of_its_outcome() -> None:
    pager = Pager(Verdict("failed", "HTTP 500"))
    bench = Bench(pager)
    for _ in range(2):
        await bench.take(notice_requested(channel=Channel("webhook", "https://pager.example/")))
    await bench.settle()
    assert (len(pager.asked), bench.log.reports, bench.done) == (1, [], [0, 1])


async def test_a_redelivered_attempt_is_answered_and_not_sent_again() -> None:
    pager = Pager(Verdict("failed", "HTTP 500"))
    bench = Bench(pager)
    for _ in range(3):
        await bench.take(hook())
    await bench.settle()
    assert len(pager.asked) == 1
    assert [r.outcome for r in bench.log.reports] == ["failed"] * 3
    assert bench.done == [0, 1, 2]


async def test_the_next_attempt_is_sent_unless_the_page_was_delivered() -> None:
    pager = Pager(Verdict("unknown", "no answer"), DELIVERED)
    bench = Bench(pager)
    for attempt in (1, 2, 3):
        await bench.take(hook(attempt=attempt))
    await bench.settle()
    assert [r.attempt for r in pager.asked] == [1, 2]
    assert [(r.attempt, r.outcome) for r in bench.log.reports] == [(1, "unknown"), (2, "delivered"), (3, "delivered")]


async def test_a_channel_that_hangs_is_unknown() -> None:
    bench = Bench(Hanging(), seconds=0.01, least_seconds=0)
    await bench.take(hook())
    await bench.settle()
    assert [r.outcome for r in bench.log.reports] == ["unknown"]


async def test_a_request_that_waited_too_long_is_not_sent() -> None:
    pager = Pager()
    bench = Bench(pager, seconds=1.0, least_seconds=2.0)
    await bench.take(hook())
    await bench.settle()
    assert pager.asked == []
    assert [r.outcome for r in bench.log.reports] == ["failed"]
    assert "busy" in bench.log.reports[0].detail


async def test_a_channel_that_raises_is_failed_and_names_only_the_class() -> None:
    bench = Bench(Pager(RuntimeError("secret in the text")))
    await bench.take(hook())
    await bench.settle()
    assert bench.log.reports[0].outcome == "failed"
    assert "secret" not in bench.log.reports[0].detail


async def test_a_kind_without_a_channel_is_failed() -> None:
    bench = Bench(Pager())
    await bench.take(page_requested())
    await bench.settle()
    assert bench.log.reports[0].outcome == "failed"


async def test_what_does_not_fit_is_refused_and_reported() -> None:
    bench = Bench(Pager(), limits=Limits(queue=1))
    for number in range(2):
        await bench.take(hook(notification_id=ids.derive(number)))
    assert [r.outcome for r in bench.log.reports] == ["failed"]
    await bench.settle()
    assert [r.outcome for r in bench.log.reports] == ["failed", "delivered"]
    assert bench.count("mandate_effects_refused_total") == 1


async def test_rubbish_is_a_dead_letter_with_its_bytes() -> None:
    bench = Bench(Pager())
    await bench.take(b"rubbish")
    letter = codec.Words((DeadLetter,)).decode(bench.log.outputs[0].value)
    assert bench.log.outputs[0].topic == "dead.letters"
    assert (letter.original, letter.code, letter.topic, letter.offset) == (
        b"rubbish",
        "not_framed",
        "effects.requests",
        0,
    )
    assert bench.done == [0]


async def test_a_report_that_is_not_acknowledged_is_sent_again() -> None:
    bench = Bench(Pager(), Log(SendFailed("send_failed", "x", "y", "z")))
    await bench.take(hook())
    await bench.settle()
    assert [r.outcome for r in bench.log.reports] == ["delivered"]


async def test_a_log_that_never_takes_it_leaves_the_asking_to_the_processor() -> None:
    bench = Bench(Pager(), Log(*[SendFailed("send_failed", "x", "y", "z")] * 3))
    await bench.take(hook())
    await bench.settle()
    assert (bench.log.reports, bench.done) == ([], [0])
    assert bench.count("mandate_effects_unreported_total") == 1


async def test_a_fatal_log_ends_the_service_and_leaves_the_record() -> None:
    bench = Bench(Pager(), Log(Fatal("client_fatal", "x", "y", "z")))
    await bench.take(hook())
    await bench.settle()
    assert [e.code for e in bench.fatal] == ["client_fatal"]
    assert bench.done == []


async def test_closing_leaves_new_records_to_the_next_process() -> None:
    pager = Pager()
    bench = Bench(pager)
    await bench.take(hook())
    assert await bench.hands.close(5) == 0
    await bench.take(hook(attempt=2))
    assert (len(pager.asked), bench.done) == (1, [0])


def test_the_memory_is_bounded() -> None:
    memory = Handled(limit=2)
    for number in range(3):
        memory.remember(ids.derive(number), 1, DELIVERED)
    assert [memory.verdict(ids.derive(number), 1) for number in range(3)] == [None, DELIVERED, DELIVERED]


def test_the_table_of_channels_has_every_kind() -> None:
    kinds = set(get_args(get_type_hints(Channel)["kind"]))
    table = service.channels(settings.Settings(0, "k", "p"), object())  # type: ignore[arg-type]  # never used here
    assert set(table) == kinds
