"""Which processes make up the local stack, and how each is started: the one table.

The contract with our own processes. Each is a plain command that reads its settings from the environment,
answers GET /healthz (200 when it does its work) and GET /metrics at MANDATE_HTTP, stops on SIGTERM within 10
s, and may be killed at any time. Processor and read model names come from topology.yaml.

    name         command                                  environment besides the common one
    processors   python -m processors NAME,… --slot 0     MANDATE_KAFKA
    effects      python -m processors effects --slot 0    MANDATE_KAFKA MANDATE_POSTGRES MANDATE_LINK_BASE=url
                                                          MANDATE_EFFECTS_CONSOLE=path, and DEVELOPMENT
    projections  python -m projections NAME,…             MANDATE_KAFKA MANDATE_POSTGRES MANDATE_REDIS
                                                          MANDATE_ARCHIVE=directory or URL
    gateway      python -m gateway                        MANDATE_KAFKA MANDATE_POSTGRES MANDATE_REDIS
                                                          MANDATE_ARCHIVE=directory or URL
                                                          MANDATE_OPERATOR_TOKEN_SHA256=hex, and DEVELOPMENT
                                                          MANDATE_PROCESSES=name=address,… of the others
    (common)     MANDATE_HTTP=127.0.0.1:port MANDATE_TOPOLOGY=path MANDATE_HOME=path PYTHONUNBUFFERED=1
                                                          PYTHONDONTWRITEBYTECODE= (they keep their bytecode)

`--separate` gives each processor (`processor-dedup`) and read model (`projection-timeline`) its own process.
Before them, once per start: the database, `mandate topology apply --yes`, `python -m projections migrate`.
These steps are harmless when repeated.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.local import kafka, postgres, redis
from gateway.local.children import Spec
from gateway.local.connections import DATABASE, Connections, connections
from gateway.local.paths import Home
from gateway.local.ports import HOST, Ports
from gateway.local.probes import Probe, http_answers, kafka_answers, postgres_answers, redis_answers
from gateway.local.secret import secret_in
from schemas import topology

EFFECTS, GATEWAY = "effects", "gateway"
# Webhooks may go to this machine, by http and to any free port: said here on purpose, since no default allows it.
DEVELOPMENT = {"MANDATE_ENVIRONMENT": "development", "MANDATE_WEBHOOK_NETWORKS": "127.0.0.0/8,::1/128"}
# What each kind of process waits for before it is started (and started again): servers and steps by name.
_STORES = ("kafka", "topics", "postgres", "tables")


@dataclass(frozen=True)
class Plan:
    """The processes in the order of their start; steps (`Spec.once`) are among them."""

    specs: tuple[Spec, ...]
    separate: bool


def build(home: Home, separate: bool, env: Mapping[str, str] | None = None) -> Plan:
    """The plan of this checkout's stack; chooses ports, so it is for the supervisor only."""
    env = os.environ if env is None else env
    ports = Ports(home.ports_file)
    servers = _servers(home, ports, env)
    ports.of(GATEWAY)
    where = connections(home, env)
    local_database = not env.get("MANDATE_POSTGRES")
    steps = _steps(home, where, local_database)
    commands = _commands(home, where, separate)
    others = ",".join(f"{c.name}={HOST}:{ports.of(c.name)}" for c in commands if c.name != GATEWAY)
    ours = [
        _process(home, ports, where, c, {"MANDATE_PROCESSES": others} if c.name == GATEWAY else {}) for c in commands
    ]
    return Plan((*servers, *steps, *ours), separate)


def probe_of(home: Home, name: str, address: str) -> Probe:
    """The health check of a process of this stack, by its name: for commands that look from outside."""
    where = connections(home)
    if name == "kafka":
        return kafka_answers(where.kafka)
    if name == "postgres":
        return postgres_answers(where.postgres)
    if name == "redis":
        return redis_answers(where.redis)
    return http_answers(address)


def _servers(home: Home, ports: Ports, env: Mapping[str, str]) -> list[Spec]:
    # Kafka takes longest, so it is started first; the others prepare while it starts.
    servers = []
    if given := env.get("MANDATE_KAFKA"):
        servers.append(Spec("kafka", (), given, kafka_answers(given)))
    else:
        broker, controller = ports.of("kafka"), ports.of("kafka-controller")
        servers.append(kafka.spec(home, home.data / "kafka", broker, controller))
    if given := env.get("MANDATE_POSTGRES"):
        servers.append(Spec("postgres", (), _host_of(given), postgres_answers(given)))
    else:
        password = secret_in(home.password_file)
        servers.append(postgres.spec(home, home.data / "postgres", ports.of("postgres"), password))
    if given := env.get("MANDATE_REDIS"):
        servers.append(Spec("redis", (), _host_of(given), redis_answers(given)))
    else:
        servers.append(redis.spec(home.data / "redis", ports.of("redis")))
    return servers


def _steps(home: Home, where: Connections, local_database: bool) -> list[Spec]:
    common = _common(home) | where.environment
    steps = []
    if local_database:
        server = where.postgres.rpartition("/")[0] + "/postgres"
        command = (sys.executable, "-m", "gateway.local.postgres", DATABASE)
        steps.append(_step("database", command, common | {"MANDATE_POSTGRES": server}, ("postgres",)))
    apply = (sys.executable, "-m", "gateway.cli", "topology", "apply", "--yes")
    steps.append(_step("topics", apply, common, ("kafka",)))
    migrate = (sys.executable, "-m", "projections", "migrate")
    steps.append(_step("tables", migrate, common, ("postgres", *(step.name for step in steps[:-1]))))
    return steps


def _step(name: str, argv: tuple[str, ...], env: Mapping[str, str], needs: tuple[str, ...]) -> Spec:
    return Spec(name, argv, "", env=env, needs=needs, once=True)


@dataclass(frozen=True)
class _Command:
    """A row of the table above; `reads` names the variables of Connections.environment that it gets, `own` its own."""

    name: str
    arguments: tuple[str, ...]
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    own: Mapping[str, str] = field(default_factory=dict)


def _commands(home: Home, where: Connections, separate: bool) -> list[_Command]:
    declared = topology.load(home.topology)
    rooms, read_models = list(declared.rooms), list(declared.projections)
    if separate:
        commands = [_processors(f"processor-{name}", [name]) for name in rooms]
        commands += [_projections(f"projection-{name}", [name]) for name in read_models]
    else:
        commands = [_processors("processors", rooms), _projections("projections", read_models)]
    effects = ("-m", "processors", EFFECTS, "--slot", "0")
    links = {"MANDATE_LINK_BASE": where.url, "MANDATE_EFFECTS_CONSOLE": str(home.pages_file)} | DEVELOPMENT
    commands.append(_Command(EFFECTS, effects, ("MANDATE_KAFKA", "MANDATE_POSTGRES"), _STORES, links))
    everything = ("MANDATE_KAFKA", "MANDATE_POSTGRES", "MANDATE_REDIS", "MANDATE_ARCHIVE")
    token = hashlib.sha256(secret_in(home.operator_token_file).encode()).hexdigest()
    operator = {"MANDATE_OPERATOR_TOKEN_SHA256": token} | DEVELOPMENT
    commands.append(_Command(GATEWAY, ("-m", "gateway"), everything, (*_STORES, "redis"), operator))
    return commands


def _processors(name: str, members: Sequence[str]) -> _Command:
    arguments = ("-m", "processors", ",".join(members), "--slot", "0")
    return _Command(name, arguments, ("MANDATE_KAFKA",), ("kafka", "topics"))


def _projections(name: str, members: Sequence[str]) -> _Command:
    variables = ("MANDATE_KAFKA", "MANDATE_POSTGRES", "MANDATE_REDIS", "MANDATE_ARCHIVE")
    return _Command(name, ("-m", "projections", ",".join(members)), variables, (*_STORES, "redis"))


def _process(home: Home, ports: Ports, where: Connections, command: _Command, more: Mapping[str, str]) -> Spec:
    address = f"{HOST}:{ports.of(command.name)}"
    settings = {name: where.environment[name] for name in command.reads}
    env = _common(home) | settings | dict(command.own) | dict(more) | {"MANDATE_HTTP": address}
    argv = (sys.executable, *command.arguments)
    return Spec(command.name, argv, address, http_answers(address), env, needs=command.needs)


def _common(home: Home) -> dict[str, str]:
    return {
        "MANDATE_TOPOLOGY": str(home.topology),
        "MANDATE_HOME": str(home.directory),
        "PYTHONUNBUFFERED": "1",
        # Who forbids bytecode for his shell would have every restart translate 320 files: 0.3 s of a core, each time.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _host_of(url: str) -> str:
    """host:port of a DSN or URL, for the table of addresses: never with its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname or 'given'}"
