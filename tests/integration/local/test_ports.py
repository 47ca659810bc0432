"""Ports: the usual one if it is free, else another, and the same one next time."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.local import ports as module
from gateway.local.ports import HOST, Ports, free_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_usual_port_is_taken_when_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = free_port()
    monkeypatch.setattr(module, "PREFERRED", {"gateway": usual})
    assert Ports(tmp_path / "ports.json").of("gateway") == usual


def test_another_is_taken_and_remembered_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    monkeypatch.setattr(module, "PREFERRED", {"gateway": taken})
    other = Ports(tmp_path / "ports.json").of("gateway")
    assert other != taken
    assert is_free(other)
    monkeypatch.setattr(module, "PREFERRED", {"gateway": free_port()})
    assert Ports(tmp_path / "ports.json").of("gateway") == other, "the next start goes on with the same port"


def test_no_port_is_given_twice(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    given = [ports.of(f"process-{number}") for number in range(50)]
    assert len(set(given)) == 50


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{half")
    assert Ports(tmp_path / "ports.json").of("redis") > 0
