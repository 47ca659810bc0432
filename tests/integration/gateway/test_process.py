"""`python -m gateway` as it is started: its exit codes, and SIGTERM with a request in flight."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from gateway.local.ports import free_port
from schemas import topology
from tests.integration.gateway.conftest import DOCUMENTS, OPERATOR, hashed, tokens_of
from tests.support.waiting import until

CHECKOUT = Path(topology.__file__).parent.parent
BODY = b'{"actor":"a","type":"t","resource":"r"}'


# A gateway that gives nothing up meanwhile: a broker that stands still for a moment is one for which this is not long.
PATIENT = """
import sys
from processors.host import client
client.MESSAGE_TIMEOUT_MS = 120_000
from gateway.http import ingest, middlewares, run
ingest.ACKNOWLEDGE_S = middlewares.REQUEST_S = run.DRAIN_S = 120.0
from gateway.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def start(settings, tmp_path):
    started = []

    def begin(*words: str, **changes: str) -> tuple[subprocess.Popen[bytes], int]:
        port = free_port()
        env = os.environ | {
            "MANDATE_KAFKA": settings.kafka,
            "MANDATE_POSTGRES": settings.postgres,
            "MANDATE_HTTP": f"127.0.0.1:{port}",
            "MANDATE_OPERATOR_TOKEN_SHA256": hashed(OPERATOR),
            "PYTHONPATH": str(CHECKOUT),
        }
        with (tmp_path / f"gateway-{port}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *(words or ("-m", "gateway"))], env=env | changes, cwd=CHECKOUT, stdout=log, stderr=log
            )
        started.append(process)
        return process, port

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def ask(port: int, method: str, path: str, token: str = "", body: str | None = None) -> tuple[int, bytes] | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, headers | ({"Content-Type": "application/json"} if body else {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return None
    finally:
        connection.close()


def healthy(port: int) -> bool:
    answer = ask(port, "GET", "/healthz")
    return answer is not None and answer[0] == 200


def waiting(port: int) -> bool:
    answer = ask(port, "GET", "/metrics")
    return answer is not None and b"mandate_sender_in_flight 1.0" in answer[1]


def announced(port: int, tenant: str) -> bool:
    answer = ask(port, "GET", f"/v1/tenants/{tenant}/configuration", OPERATOR)
    return answer is not None and all(json.loads(answer[1])["announced"].values())


def test_sigterm_waits_for_the_answer_of_what_is_in_flight(start, kafka) -> None:
    process, port = start("-c", PATIENT)
    until(lambda: healthy(port), 60, "the gateway")
    body = json.dumps({"documents": DOCUMENTS, "tokens": tokens_of("drained")})
    answer = ask(port, "PUT", "/v1/tenants/drained/configuration", OPERATOR, body)
    assert answer is not None
    assert answer[0] == 200
    until(lambda: announced(port, "drained"), 30, "nothing else in flight")
    head = "POST /v1/actions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer agent-drained\r\n"
    head += f"Content-Length: {len(BODY)}\r\nContent-Type: application/json\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        kafka.signal(signal.SIGSTOP)
        try:
            connection.sendall(head.encode() + BODY)
            until(lambda: waiting(port), 3, "the record to await its acknowledgement")
            process.send_signal(signal.SIGTERM)
            until(lambda: ask(port, "GET", "/healthz") is None, 3, "the port to close")
        finally:
            kafka.signal(signal.SIGCONT)
        assert connection.recv(4_096).startswith(b"HTTP/1.1 202 ")
    assert process.wait(60) == 0


def test_wrong_settings_are_an_exit_code_and_a_sentence(start, tmp_path) -> None:
    for changes in ({"MANDATE_HTTP": "nonsense"}, {"MANDATE_KAFKA": ""}, {"MANDATE_TOPOLOGY": "/nowhere.yaml"}):
        process, port = start(**changes)
        assert process.wait(60) == 2
        assert "error[" in (tmp_path / f"gateway-{port}.log").read_text()


def test_a_database_that_is_not_there_is_tried_again_by_the_supervisor(start) -> None:
    process, _ = start(MANDATE_POSTGRES=f"postgresql://x@127.0.0.1:{free_port()}/x")
    assert process.wait(60) == 75


def test_every_table_of_the_gateway_forces_row_level_security(settings) -> None:
    with psycopg.connect(settings.postgres) as connection:
        found = connection.execute(
            "select relname, relrowsecurity and relforcerowsecurity from pg_class where relname = any(%s)",
            (["configuration", "tokens", "webhook_secrets", "configuration_outbox"],),
        ).fetchall()
        assert len(found) == 4
        assert all(row[1] for row in found)
        connection.execute("set role mandate_reader")
        for table in ("tokens", "webhook_secrets", "configuration"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"select * from {table}")
