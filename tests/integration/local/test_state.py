"""What is known of a stack from outside: its state file, its lock, its logs, the identity of a process."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import mandate
from gateway.local import state as st
from gateway.local.children import Spec, spawn
from gateway.local.errors import LocalStackError, last_run, tail
from gateway.local.paths import CHECKOUT, Home, find_home
from gateway.local.supervisor import LOG_BYTES_MAX, cut_logs, lock
from tests.support.waiting import until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path))
    return find_home()


def test_what_is_written_is_read_again(home: Home) -> None:
    state = st.StackState(7, True, [st.ProcessState("kafka", "127.0.0.1:1", st.HEALTHY, 5, 9, 1.5, 2, "x")], [])
    st.write(home, state)
    assert st.read(home) == state


def test_half_a_file_and_none_are_no_state(home: Home) -> None:
    assert st.read(home) is None
    home.state_file.write_text('{"supervisor": 1, "proc')
    assert st.read(home) is None


def test_a_reused_pid_is_another_process() -> None:
    me = st.ProcessState("me", "", pid=os.getpid(), started_at=st.started_at(os.getpid()))
    assert st.alive(me)
    assert me.started_at is not None
    assert not st.alive(replace(me, started_at=me.started_at - 1))
    assert not st.alive(replace(me, pid=None))


def test_a_process_that_was_not_reaped_counts_as_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    recorded = st.ProcessState("child", "", pid=child.pid, started_at=st.started_at(child.pid))
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert Path(f"/proc/{child.pid}").exists()
        assert not st.alive(recorded)
    finally:
        child.wait()


def test_memory_counts_children(tmp_path: Path) -> None:
    hold = "import sys; data = bytearray(30_000_000); print('ready', flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert 35 < st.rss_mb(process.pid) < 120
        process.communicate()


def test_one_supervisor_at_a_time_and_the_lock_ends_with_it(home: Home) -> None:
    assert st.supervisor_pid(home) is None
    held = lock(home)
    assert held is not None
    assert lock(home) is None
    held.close()
    again = lock(home)
    assert again is not None
    again.close()


def test_an_error_shows_the_last_run_only(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    for said in ("first", "second"):
        process = spawn(Spec("x", (sys.executable, "-c", f"print('{said}')"), ""), log)
        process.wait()
    assert last_run(log) == "second"
    assert "first" in tail(log)


def test_a_log_that_grows_too_long_is_cut_and_its_writer_goes_on(home: Home, tmp_path: Path) -> None:
    log = home.log_of("chatty")
    code = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    log.parent.mkdir(parents=True)
    with log.open("ab") as output:
        writer = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=output)
    assert writer.stdin is not None
    writer.stdin.write(b"before\n")
    writer.stdin.flush()
    until(lambda: log.read_bytes() == b"before\n", 10, "the writer's first line")
    os.truncate(log, LOG_BYTES_MAX + 1)
    cut_logs(home)
    writer.communicate(b"after\n")
    assert log.read_bytes() == b"after\n"
    assert log.with_suffix(".log.1").stat().st_size == LOG_BYTES_MAX + 1


def test_logs_prints_the_end_of_one_or_of_all(home: Home) -> None:
    home.logs.mkdir()
    home.log_of("kafka").write_text("one\ntwo\nthree\n")
    home.log_of("redis").write_text("pong\n")
    assert CliRunner().invoke(mandate, ["logs", "kafka", "-n", "2"]).output == "two\nthree\n"
    both = CliRunner().invoke(mandate, ["logs"]).output.splitlines()
    assert [line.split() for line in both] == [
        ["kafka", "one"],
        ["kafka", "two"],
        ["kafka", "three"],
        ["redis", "pong"],
    ]


def test_an_unknown_log_is_answered_with_those_that_there_are(home: Home) -> None:
    home.logs.mkdir()
    home.log_of("kafka").write_text("")
    error = CliRunner().invoke(mandate, ["logs", "kafak"]).exception
    assert isinstance(error, LocalStackError)
    assert "kafka" in error.remedy


def test_the_stack_of_a_checkout_is_beside_its_packages() -> None:
    home = find_home({})
    assert (home.directory, home.topology) == (CHECKOUT / ".mandate", CHECKOUT / "topology.yaml")
