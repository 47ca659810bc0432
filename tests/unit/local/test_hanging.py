"""Which transactions are ended: those that hang in two looks, positions of groups first, and no other."""

from collections.abc import Sequence

from gateway.local.clearing import waits_for_log
from gateway.local.errors import LocalStackError
from gateway.local.hanging import LOOK_AFTER_S, Hanging, clear, hanging_in

HEAD = "Topic Partition ProducerId ProducerEpoch CoordinatorEpoch StartOffset LastTimestamp Duration(min)"


def row(topic: str, partition: int = 0, producer: int = 5, start: int = 299) -> str:
    return f"{topic}\t{partition} \t{producer} \t1 \t-1 \t{start} \t1795325503216\t1 "


class Kafka:
    """Plays the command: what hangs is a list of rows; `refuses` are start offsets that cannot be aborted."""

    def __init__(self, *rows: str, refuses: Sequence[int] = ()) -> None:
        self.rows = list(rows)
        self.refuses = refuses
        self.aborted: list[str] = []
        self.waited: list[float] = []
        self.said: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> str:
        if arguments[0] == "find-hanging":
            return "\n".join(("2026-01-01 WARN something", HEAD, *self.rows))
        given = dict(zip(arguments[1::2], arguments[2::2], strict=True))
        topic, partition, start = given["--topic"], given["--partition"], given["--start-offset"]
        self.aborted.append(f"{topic}[{partition}]@{start}")
        if int(start) in self.refuses:
            raise LocalStackError("transactions_command_failed", "abort", "could not find any", "See.")
        self.rows = [r for r in self.rows if (r.split()[0], r.split()[5]) != (topic, start)]
        return ""

    def clear(self) -> bool:
        return clear(self, self.waited.append, self.said.append)


def test_the_table_of_the_command_is_read_whatever_else_it_prints() -> None:
    text = "\n".join(("log line of eight words a b c d e", HEAD, row("b.events", 3), row("__consumer_offsets", 1)))
    assert hanging_in(text) == [
        Hanging("__consumer_offsets", 1, 5, 1, 299),
        Hanging("b.events", 3, 5, 1, 299),
    ]


def test_what_hangs_in_both_looks_is_ended_positions_first() -> None:
    kafka = Kafka(row("a", start=7), row("__consumer_offsets", 1, start=9))
    assert kafka.clear()
    assert kafka.aborted == ["__consumer_offsets[1]@9", "a[0]@7"]
    assert kafka.waited == [LOOK_AFTER_S, LOOK_AFTER_S]
    assert kafka.said[-1] == "2 hanging transactions ended, 0 left"


def test_a_living_transaction_met_by_chance_is_left_alone() -> None:
    kafka = Kafka(row("a", start=7))

    def wait(_seconds: float) -> None:
        # Each look meets the next transaction of the same producer.
        kafka.rows = [row("a", start=7 + len(kafka.waited))]
        kafka.waited.append(_seconds)

    assert clear(kafka, wait, kafka.said.append)
    assert kafka.aborted == []


def test_nothing_hangs_is_one_look() -> None:
    kafka = Kafka()
    assert kafka.clear()
    assert kafka.waited == [LOOK_AFTER_S]
    assert kafka.said == ["no transaction hangs"]


def test_one_that_cannot_be_ended_is_said_and_the_others_are_ended() -> None:
    kafka = Kafka(row("a", start=7), row("b", start=8), refuses=[7])
    assert not kafka.clear()
    assert kafka.aborted == ["a[0]@7", "b[0]@8"]
    assert kafka.said[-1] == "1 hanging transactions ended, 1 left"


def test_a_complaint_about_the_log_is_told_from_a_fault_of_the_process() -> None:
    assert waits_for_log('503 {"healthy": false, "errors": [{"code": "positions_unstable", "thread"')
    assert not waits_for_log("error[refused]: nobody answers")
