"""The job of deduplication on Quix Streams: state with its changelog, exactly once. Runs in a virtualenv of its own.

`python quix_dedup.py BOOTSTRAP SOURCE SINK GROUP FOLDER WINDOW_MS`. A record's id are sixteen bytes at byte 5; a record
whose id was seen within the window is dropped, any other is forwarded as it is.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from quixstreams import Application, State

ID = slice(5, 21)


def main() -> None:
    """Until it is told to stop."""
    bootstrap, source, sink, group, folder, window_ms = sys.argv[1:]
    window = timedelta(milliseconds=int(window_ms))
    app = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=5.0,
        commit_every=5_000,
        state_dir=folder,
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4", "batch.size": 262_144},
        consumer_extra_config={"fetch.queue.backoff.ms": 10},
        loglevel="WARNING",
    )
    frame = app.dataframe(app.topic(source, key_deserializer="bytes", value_deserializer="bytes"))

    def new(value: bytes, state: State) -> bool:
        number = value[ID].hex()
        if state.exists(number):
            return False
        state.set(number, 1, ttl=window)
        return True

    frame = frame.filter(new, stateful=True)
    frame.to_topic(app.topic(sink, key_serializer="bytes", value_serializer="bytes"))
    app.run()


if __name__ == "__main__":
    main()
