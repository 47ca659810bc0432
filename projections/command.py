"""What `python -m projections` does: NAME[,NAME…] runs projections, `migrate` makes tables, `checksum NAME` sums one.

Exit codes: 0 ended well (SIGTERM drains), 2 usage, 70 the last runner died of a bug, 78 a person is needed.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections.abc import Sequence

import psycopg

from processors.host.errors import EXIT_CLEAN, EXIT_REFUSED, EXIT_ROOM_DIED, EXIT_USAGE
from processors.host.loading import calm_collector, loading
from processors.host.places import Place
from processors.host.reader import LogReader
from projections import checksum, migrate, redis_checksum, settings
from projections.catalog import ARCHIVE, NAMES, PROJECTIONS, REDIS
from projections.errors import Refused
from projections.metrics import Metrics, RunnerMetrics
from projections.operating import Operating
from projections.redis_store import RedisStore
from projections.runner import Runner
from projections.settings import Settings
from projections.store import PostgresStore, Store
from schemas import topology
from schemas.errors import MandateError
from schemas.topology import Topology

# A batch in hand takes at most some hundred ms; the supervisor waits 10 s before it kills.
DRAIN_SECONDS = 8.0
LOOK_SECONDS = 0.5


def make_runner(name: str, given: Settings, declared: Topology, metrics: Metrics) -> Runner:
    """A projection wired to a real log and a real store. Raises Refused `setting_missing`."""
    reads = declared.projections[name].reads
    places = [Place(topic, p) for topic in reads for p in range(declared.partitions(topic))]
    if name == ARCHIVE:
        from projections.archive.run import make_runner as make_archive

        return make_archive(places, given, declared, metrics)
    store: Store
    if name in REDIS:
        store = RedisStore(given.redis_url, REDIS[name])
    else:
        streams = {topic: declared.topics[topic].stream for topic in reads}
        store = PostgresStore(given.postgres, PROJECTIONS[name], streams)
    return Runner(
        name,
        places,
        lambda: LogReader(given.kafka, name=f"projection-{name}", following=True),
        store,
        RunnerMetrics(metrics, name),
    )


def run(names: Sequence[str], given: Settings, declared: Topology, stopping: threading.Event) -> int:
    """Run these projections until told to stop, or until none is left alive. Returns the exit code."""
    metrics = Metrics()
    with loading():  # the archive's library, for one, is loaded where it is used
        runners = [make_runner(name, given, declared, metrics) for name in names]
    operating = Operating(*given.http, runners, metrics) if given.http else None
    # A batch's records and rows are gone when it is committed; looking through them was a quarter of a row's time.
    calm_collector()
    for runner in runners:
        runner.start()
    if operating:
        operating.start()
    while not stopping.wait(LOOK_SECONDS) and any(runner.alive for runner in runners):
        pass
    for runner in runners:
        runner.stop()
    drained = [runner.join(DRAIN_SECONDS) for runner in runners]
    if operating:
        operating.stop()
    return exit_code(runners, all(drained))


def exit_code(runners: Sequence[Runner], drained: bool) -> int:
    """0 when all ended as asked; 78 when a restart would not help any of the dead."""
    dead = [runner for runner in runners if runner.dead is not None]
    if not dead:
        return EXIT_CLEAN if drained else EXIT_ROOM_DIED
    return EXIT_REFUSED if all(isinstance(r.error, Refused) for r in dead) else EXIT_ROOM_DIED


def main(arguments: Sequence[str], env: dict[str, str]) -> int:
    """The command; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    match arguments:
        case ["migrate"]:
            done = migrate.apply(settings.required(env, "MANDATE_POSTGRES"))
            print("\n".join(done) if done else "nothing to do")
            return EXIT_CLEAN
        case ["checksum", name] if name in PROJECTIONS:
            with psycopg.connect(settings.required(env, "MANDATE_POSTGRES")) as connection:
                sums = {t.name: {"rows": t.rows, "sum": str(t.total)} for t in checksum.tables(connection, name)}
                whole = checksum.checksum(connection, name)
            print(json.dumps({"projection": name, "checksum": whole, "tables": sums}))
            return EXIT_CLEAN
        case ["checksum", name] if name in REDIS:
            keys, whole = redis_checksum.checksum(settings.required(env, "MANDATE_REDIS"), REDIS[name])
            print(json.dumps({"projection": name, "checksum": whole, "keys": keys}))
            return EXIT_CLEAN
        case [names] if names and set(names.split(",")) <= set(NAMES):
            stopping = threading.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopping.set())
            return run(names.split(","), settings.read(env), topology.load(), stopping)
    known = ",".join(NAMES)
    print(f"usage: python -m projections {known} | migrate | checksum NAME", file=sys.stderr)
    return EXIT_USAGE


def entry(arguments: Sequence[str], env: dict[str, str]) -> int:
    """The command with its errors as one line each; returns the exit code. Raises what is a bug."""
    try:
        return main(arguments, env)
    except MandateError as error:
        print(error, file=sys.stderr)
        return EXIT_REFUSED
    except psycopg.Error as error:
        print(f"error[postgres]: {error}. Check MANDATE_POSTGRES and that the server runs.", file=sys.stderr)
        return EXIT_ROOM_DIED
    except Exception as error:
        # Its client is loaded only where it is used.
        client = sys.modules.get("redis")
        if client is None or not isinstance(error, client.RedisError):
            raise
        print(f"error[redis]: {error}. Check MANDATE_REDIS and that the server runs.", file=sys.stderr)
        return EXIT_ROOM_DIED
