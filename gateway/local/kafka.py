"""A real one-node Apache Kafka (KRaft) for one machine, with the settings measured for small ones."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

from gateway.local.children import START_DEADLINE_S, Running, Spec
from gateway.local.errors import LocalStackError
from gateway.local.fetch import POSTGRES_JAR, jars, java
from gateway.local.paths import Home
from gateway.local.ports import HOST, free_port
from gateway.local.probes import kafka_answers

# Default heap and collector: 377 MB and a start of 6.6 s; these: 150-300 MB and 1.1-1.7 s.
JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xlog:disable")
# One partition's log segment: 64 MB instead of 1 GB, so that retention can delete anything on a laptop.
SEGMENT_BYTES = 64 * 1024 * 1024
# Formatting takes 0.7 s; a machine at a load of 12 took more than thirty.
FORMAT_DEADLINE_S = 90.0
# Writing the class archive took 4 s; without it every start of the tests and of the stack is slower.
CLASS_ARCHIVE_DEADLINE_S = 120.0

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # One node: every internal topic has one replica.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.num.partitions": "1",
    # An orphaned transaction else blocks readers for 10 s more than its time-out (KAFKA.md A2 e).
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # Nobody takes over from a single node, so a node that is only slow is not to lose its leaders: transactions decided
    # meanwhile would be torn (fencing.py). After a crash the controller alone, which has a short one, ends the session.
    "broker.session.timeout.ms": "30000",
    "broker.heartbeat.interval.ms": "500",
    # Small machine: threads and buffers for one person's load.
    "log.cleaner.dedupe.buffer.size": "2097152",
    "log.cleaner.threads": "1",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
    "num.replica.fetchers": "1",
    "group.coordinator.threads": "1",
    "share.coordinator.threads": "1",
    "log.segment.bytes": str(SEGMENT_BYTES),
    "log.index.size.max.bytes": "1048576",
}

# The same node as a controller alone, which is to find out soon that the crashed broker is gone (fencing.py).
FENCING = {
    "process.roles": "controller",
    "broker.session.timeout.ms": "500",
    "broker.heartbeat.interval.ms": "250",
    "metadata.max.idle.interval.ms": "100",
}
BROKERS_OWN = ("inter.broker.listener.name", "advertised.listeners")

LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
"""
# The controller says in this one logger, at INFO, that it has fenced a broker.
LOG4J_FENCING = """\
logger.fencing.name = org.apache.kafka.controller.ReplicationControlManager
logger.fencing.level = info
"""


def spec(home: Home, data: Path, port: int, controller_port: int) -> Spec:
    """The broker as a process of the stack; its files are below `data`."""
    address = f"{HOST}:{port}"
    classpath = _classpath(home)

    def prepare() -> None:
        _write_settings(data, port, controller_port)
        _format(classpath, data)

    controller, node = _command(home, classpath, data, "controller"), _command(home, classpath, data)
    return Spec(
        name="kafka",
        argv=(sys.executable, "-m", "gateway.local.fencing", str(data), "--", *controller, "--", *node),
        address=address,
        probe=kafka_answers(address),
        prepare=prepare,
        # A broker that is only slow must not be killed: what follows is a start, which takes longer.
        hung_after_s=START_DEADLINE_S,
    )


def ensure_class_archive(home: Home, say: Callable[[str], None] = lambda _text: None) -> None:
    """Make the JVM's archive of loaded classes once (4 s), which saves 1-5 s at every later start."""
    classpath = _classpath(home)
    archive = _class_archive(home, classpath)
    if archive.exists():
        return
    say("preparing Kafka (once) …")
    with tempfile.TemporaryDirectory(prefix="mandate-kafka-") as folder:
        data = Path(folder)
        fresh = data / "classes.jsa"
        _write_settings(data, port := free_port(), free_port())
        _format(classpath, data)
        options = (f"-XX:ArchiveClassesAtExit={fresh}",)
        argv = _java(classpath, data, options, "kafka.Kafka", str(data / "server.properties"))
        running = Running(
            Spec(name="kafka", argv=argv, address=f"{HOST}:{port}", probe=kafka_answers(f"{HOST}:{port}")),
            data / "log",
        )
        running.start()
        # The archive is written at the exit, which then takes seconds instead of 0.5 s.
        running.stop(CLASS_ARCHIVE_DEADLINE_S)
        if fresh.exists():
            archive.parent.mkdir(parents=True, exist_ok=True)
            # Written beside and renamed: a reader never maps half an archive.
            beside = archive.with_suffix(f".{uuid.uuid4().hex}")
            beside.write_bytes(fresh.read_bytes())
            beside.replace(archive)


def _command(home: Home, classpath: str, data: Path, role: str = "server") -> tuple[str, ...]:
    archive = _class_archive(home, classpath)
    options = (f"-XX:SharedArchiveFile={archive}",) if archive.exists() else ()
    return _java(classpath, data, options, "kafka.Kafka", str(data / f"{role}.properties"), role=role)


def _java(classpath: str, data: Path, options: tuple[str, ...], *program: str, role: str = "server") -> tuple[str, ...]:
    logging = f"-Dlog4j2.configurationFile={data / f'log4j2-{role}.properties'}"
    return (java(), *JVM, *options, logging, "-cp", classpath, *program)


def _classpath(home: Home) -> str:
    # Explicit and sorted: the class archive is refused when the class path differs.
    folder = jars(home)
    excluded = set(folder.glob(POSTGRES_JAR))
    return ":".join(str(jar) for jar in sorted(folder.glob("*.jar")) if jar not in excluded)


def _class_archive(home: Home, classpath: str) -> Path:
    version = Path(java()).resolve()
    name = hashlib.sha256(f"{version}\n{classpath}\n{JVM}".encode()).hexdigest()[:16]
    return home.cache / f"kafka-{name}.jsa"


def _write_settings(data: Path, port: int, controller_port: int) -> None:
    data.mkdir(parents=True, exist_ok=True)
    own = {
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "log.dirs": str(data / "logs"),
    }
    server = SETTINGS | own
    alone = {key: value for key, value in server.items() if key not in BROKERS_OWN}
    controller = alone | FENCING | {"listeners": f"CONTROLLER://{HOST}:{controller_port}"}
    for role, settings, logging in (("server", server, LOG4J), ("controller", controller, LOG4J + LOG4J_FENCING)):
        lines = "".join(f"{key}={value}\n" for key, value in sorted(settings.items()))
        (data / f"{role}.properties").write_text(lines)
        (data / f"log4j2-{role}.properties").write_text(logging)


def _format(classpath: str, data: Path) -> None:
    if (data / "logs" / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    if cluster.startswith("-"):  # the tool would take it for an option
        cluster = "M" + cluster[1:]
    options = ("format", "--cluster-id", cluster, "--config", str(data / "server.properties"))
    run = subprocess.run(
        _java(classpath, data, (), "kafka.tools.StorageTool", *options),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FORMAT_DEADLINE_S,
        check=False,
    )
    if run.returncode != 0:
        raise LocalStackError(
            "kafka_format_failed",
            str(data),
            (run.stdout + run.stderr).strip()[-2000:],
            "Delete the folder (mandate down --purge) and start again",
        )
