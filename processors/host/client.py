"""The one place that names settings of the Kafka client and translates its errors into ours (errors.py).

Called by kafka.py, restore.py, reader.py, sender.py and admin.py. The figures come from measurements on a
real broker; the inequalities that must hold between them are checked by `check_inequalities` at start and by
a test.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from processors.host.errors import AbortNeeded, Fatal, HostError, OutcomeUnknown, Transient
from schemas.record import Headers, Record

log = logging.getLogger("processors.host.client")

# While a broker is away every connection of every client says so again and again; once in this time is
# enough.
REPEAT_SECONDS = 30.0
WORDS_MAX = 256  # of different sayings remembered; more than the client has kinds of errors


class _Once(logging.Filter):
    """Lets each saying of the client, numbers left out, pass once in REPEAT_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[object, ...], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said = (record.levelno, re.sub(r"\d+", "#", record.getMessage()))
        now = time.monotonic()
        if now - self._said.get(said, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        if len(self._said) >= WORDS_MAX:
            self._said.clear()
        self._said[said] = now
        return True


log.addFilter(_Once())

Settings = dict[str, Any]
_new = tuple.__new__
_second_of = itemgetter(1)
Security = Mapping[str, str]
ErrorCallback = Callable[[KafkaError], None]

# A transaction must end before its member can be declared dead (5 s < 6 s), or a zombie's records could land
# after the successor has read; a message must fail before its transaction does (4.5 s < 5 s).
TRANSACTION_TIMEOUT_MS = 5_000
MESSAGE_TIMEOUT_MS = 4_500
SESSION_TIMEOUT_MS = 6_000
# Three missed polls of ten seconds; a batch is bounded to far less (loop.py).
MAX_POLL_INTERVAL_MS = 30_000
REQUEST_SECONDS = 10.0
# A topic's max.message.bytes bounds the *batch*, and the client does not split a batch that was refused: so a
# batch of several records must stay below the smallest limit of any topic (512 KB). One large record may
# exceed it.
BATCH_BYTES = 262_144
COMPRESSION = "lz4"

# What comes is answered at once; a fetch that finds nothing waits this long at the broker, and then says that this is
# the end. Each such answer costs the broker 0.9 ms: twenty a second for each of sixteen readers were a quarter of a
# core. Not longer: no tick is sent before a partition's end is known (ticks.py).
END_WAIT_MS = 50
FOLLOW_WAIT_MS = 250

TIMED_OUT_CODES = frozenset({KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE, KafkaError.REQUEST_TIMED_OUT})
# Said by a group coordinator to a member that is no longer one: the work of this assignment is void, the
# process is not.
LOST_MEMBERSHIP = frozenset(
    {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS}
)

# The broker or a coordinator is not there just now: nothing was done, it may be asked again.
AWAY = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._WAIT_COORD,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_CONTROLLER,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
)


def base(bootstrap: str, security: Security | None, error_cb: ErrorCallback | None = None) -> Settings:
    """Settings every client has: addresses, security, quiet reconnects."""
    settings: Settings = {
        "bootstrap.servers": bootstrap,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "socket.keepalive.enable": True,
        "broker.address.family": "v4",
        "log_level": 4,
        # The client's own words go where ours go, not to stderr; they are handed over while it is polled.
        "logger": log,
    }
    if error_cb is not None:
        settings["error_cb"] = error_cb
    settings.update(security or {})
    return settings


def unpolled(settings: Settings) -> Settings:
    """For clients that nobody polls regularly: their words would pile up unread, so only what is critical is
    said."""
    return {key: value for key, value in settings.items() if key != "logger"} | {"log_level": 2}


def producing(settings: Settings) -> Settings:
    """What every producer adds: acknowledged by all, idempotent, the Java client's partitioner."""
    return settings | {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": COMPRESSION,
        "linger.ms": 5,
        "batch.size": BATCH_BYTES,
        "retry.backoff.ms": 10,
        "retry.backoff.max.ms": 100,
        "message.timeout.ms": MESSAGE_TIMEOUT_MS,
        # Above the largest topic limit (dead letters, 2 MB): the broker's own limit per topic is the one that
        # decides, and topology's limit is checked before producing.
        "message.max.bytes": 4_194_304,
    }


def consuming(settings: Settings, group: str) -> Settings:
    """What every reader adds: committed records only, no offsets behind our back, no silent reset."""
    return settings | {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": END_WAIT_MS,
        "fetch.queue.backoff.ms": 10,
        "queued.max.messages.kbytes": 4_096,
    }


def following(settings: Settings) -> Settings:
    """What a reader adds that goes on for ever, not to an end for which somebody waits."""
    return settings | {"fetch.wait.max.ms": FOLLOW_WAIT_MS}


def membership(settings: Settings, instance: str) -> Settings:
    """What a member of a group with a fixed slot adds."""
    return settings | {
        "partition.assignment.strategy": "range",
        "group.instance.id": instance,
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        "heartbeat.interval.ms": 500,
        "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
    }


def warm(handle: Consumer | Producer, topic: str | None) -> None:
    """Connect now rather than at the first use; a courtesy, so a broker that is away is no error here."""
    with contextlib.suppress(KafkaException):
        handle.list_topics(topic, timeout=REQUEST_SECONDS)


def check_inequalities() -> None:
    """Refuse to start when the time-outs contradict each other (rule 24)."""
    if not MESSAGE_TIMEOUT_MS < TRANSACTION_TIMEOUT_MS < SESSION_TIMEOUT_MS < MAX_POLL_INTERVAL_MS:
        raise Fatal(
            "settings_contradict",
            "time-outs of the client",
            "message < transaction < session < poll interval does not hold",
            "Correct the constants in processors/host/client.py.",
        )


def error_of(exception: KafkaException) -> KafkaError:
    """The client's error inside its exception."""
    found = exception.args[0] if exception.args else None
    if isinstance(found, KafkaError):
        return found
    return KafkaError(KafkaError._FAIL, str(exception))


def classify(error: KafkaError, doing: str) -> HostError:
    """Our error for the client's, for calls on a transaction or a group. Unclassified is Fatal."""
    text = f"{error.name()}: {error.str()}"
    if error.fatal() or error.code() == KafkaError._FATAL:
        return Fatal(
            "client_fatal",
            doing,
            text,
            "The process ends and is started again; if it repeats, look for a second process with the same slot.",
        )
    if error.txn_requires_abort() or error.code() in LOST_MEMBERSHIP:
        return AbortNeeded("transaction_abort", doing, text, "The transaction is aborted and the state restored.")
    if error.code() in TIMED_OUT_CODES:
        return OutcomeUnknown("outcome_unknown", doing, text, "A new producer is opened and the state restored.")
    if error.retriable() or error.code() in AWAY:
        return Transient("retriable", doing, text, "The call is repeated.")
    return Fatal("client_unclassified", doing, text, "The process ends and is started again.")


def raise_for(exception: KafkaException, doing: str) -> NoReturn:
    """Raise our error for the client's."""
    raise classify(error_of(exception), doing) from exception


@contextlib.contextmanager
def calling(doing: str) -> Iterator[None]:
    """A call that serves callbacks, with our errors for the client's. Told in a callback that this client was fenced,
    the library raises out of whatever serves it; when the log is written to in the next callback, as SystemError."""
    try:
        yield
    except KafkaException as exception:
        raise_for(exception, doing)
    except SystemError as error:
        raise Fatal(
            "client_fatal", doing, f"an error inside the client: {error}", "The process ends and is started again."
        ) from error


def to_record(message: Message) -> Record:
    """A client message without error as a Record. The timestamp is the broker's append time
    (milliseconds)."""
    headers = message.headers()
    # Past Record's own constructor, which takes as long as all of the client's answers; a message that was read has
    # topic, partition and offset.
    fields = (
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        _headers(headers) if headers else (),
    )
    return _new(Record, fields)


def to_records(messages: Sequence[Message]) -> list[Record]:
    """The same for many, in half the time each: the client is asked field by field."""
    fields = zip(
        map(Message.topic, messages),
        map(Message.partition, messages),
        map(Message.offset, messages),
        map(_second_of, map(Message.timestamp, messages)),
        map(Message.key, messages),
        map(Message.value, messages),
        [_headers(headers) if headers else () for headers in map(Message.headers, messages)],
        strict=True,
    )
    return list(map(_new, repeat(Record), fields))


def failed(messages: Sequence[Message]) -> bool:
    """Whether one of them is no record, but the end of a partition or an error."""
    return any(map(Message.error, messages))


def _headers(found: Any) -> Headers:
    pairs = found.items() if isinstance(found, dict) else found
    return tuple((name, value.encode() if isinstance(value, str) else value or b"") for name, value in pairs)
