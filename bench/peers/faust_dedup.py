"""The job of deduplication on Faust: a table with its changelog, at least once. Runs in a virtualenv of its own.

`python faust_dedup.py BOOTSTRAP SOURCE SINK GROUP FOLDER WINDOW_MS`. A record's id are sixteen bytes at byte 5; a
record whose id was seen within the window is dropped, any other is forwarded as it is.
"""

from __future__ import annotations

import sys

import faust

ID = slice(5, 21)


def application() -> faust.App:
    """The app; its arguments are the process's."""
    bootstrap, source, sink, group, folder, window_ms = sys.argv[1:]
    window = int(window_ms) / 1000
    app = faust.App(
        group,
        broker=f"kafka://{bootstrap}",
        datadir=folder,
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=True,
        topic_disable_leader=True,
        topic_partitions=4,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=group,
        broker_commit_interval=1.0,
        broker_session_timeout=10,
        broker_heartbeat_interval=3,
        broker_rebalance_timeout=20,
        broker_request_timeout=30,
        producer_acks=-1,
        producer_linger=0.05,
        producer_max_batch_size=1_048_576,
        processing_guarantee="at_least_once",
        worker_redirect_stdouts=False,
        key_serializer="raw",
        value_serializer="raw",
    )
    records = app.topic(source, key_type=bytes, value_type=bytes)
    kept = app.topic(sink, key_type=bytes, value_type=bytes)
    seen = app.Table("seen", key_type=bytes, value_type=bytes)

    async def dedup(stream: faust.Stream[bytes]) -> None:
        async for event in stream.events():
            value, at = event.value, event.message.timestamp
            known = seen.get(value[ID])
            if known is not None and at - float(known) < window:
                continue
            seen[value[ID]] = repr(at).encode()
            await kept.send(key=event.key, value=value)

    app.agent(records)(dedup)
    return app


if __name__ == "__main__":
    faust.Worker(application(), loglevel="WARNING").execute_from_commandline()
