"""The client's errors by what must be done next, and the inequalities of its time-outs."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from processors.host import client
from processors.host.errors import AbortNeeded, Fatal, OutcomeUnknown, Transient
from processors.host.transport import size_of, too_large
from schemas.record import Output


def error(code: int, *, fatal: bool = False, retriable: bool = False, abort: bool = False) -> KafkaError:
    return KafkaError(code, "the test", fatal, retriable, abort)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (error(KafkaError._FENCED, fatal=True), Fatal),
        # Fatal wins over everything else that it says.
        (error(KafkaError._TIMED_OUT, fatal=True, retriable=True, abort=True), Fatal),
        (error(KafkaError.INVALID_TXN_STATE, abort=True), AbortNeeded),
        (error(KafkaError.UNKNOWN_MEMBER_ID), AbortNeeded),
        (error(KafkaError.ILLEGAL_GENERATION), AbortNeeded),
        (error(KafkaError._TIMED_OUT, retriable=True), OutcomeUnknown),
        (error(KafkaError._TIMED_OUT), OutcomeUnknown),
        (error(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, retriable=True), Transient),
        (error(KafkaError._TRANSPORT), Transient),
        (error(KafkaError.NOT_LEADER_FOR_PARTITION), Transient),
        # What nobody classified ends the process.
        (error(KafkaError.UNKNOWN), Fatal),
        (error(KafkaError.TOPIC_AUTHORIZATION_FAILED), Fatal),
    ],
)
def test_every_error_has_one_next_step(found, kind):
    assert type(client.classify(found, "testing")) is kind


def test_the_time_outs_hold_their_inequalities(monkeypatch):
    client.check_inequalities()
    monkeypatch.setattr(client, "TRANSACTION_TIMEOUT_MS", client.SESSION_TIMEOUT_MS)
    with pytest.raises(Fatal) as refused:
        client.check_inequalities()
    assert refused.value.code == "settings_contradict"


def test_readers_see_committed_records_and_commit_nothing_by_themselves():
    settings = client.membership(client.consuming(client.base("b:1", None), "g"), "g-0")
    assert settings["isolation.level"] == "read_committed"
    assert settings["enable.auto.commit"] is False
    assert settings["enable.auto.offset.store"] is False
    assert settings["auto.offset.reset"] == "error"
    assert settings["partition.assignment.strategy"] == "range"
    assert settings["group.instance.id"] == "g-0"


def test_a_size_is_counted_before_compression():
    output = Output("t", 0, b"key", b"v" * 1_000, (("name", b"value"),))
    assert size_of(output) > 1_000 + 3 + 9
    assert too_large([output], {"t": size_of(output)}) is None
    assert too_large([output], {"t": size_of(output) - 1}) is output
    assert too_large([output], {}) is None


@pytest.mark.parametrize(
    "raised", [KafkaException(KafkaError(KafkaError._FENCED, fatal=True)), SystemError("in flush")]
)
def test_a_fatal_error_told_in_a_callback_is_ours(raised):
    """Found by the differential test: a fenced producer's flush() raised the library's own errors, which ended the
    thread as a bug rather than the process as fenced."""
    with pytest.raises(Fatal) as found, client.calling("testing"):
        raise raised
    assert found.value.code == "client_fatal"
