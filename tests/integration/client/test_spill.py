"""Actions on disk: bounded, in order, adopted by the next process, and never taken by two."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.client import NotTaken, Unusable, spill
from gateway.client.spill import Spill

PLENTY = 10_000_000


def lines(first: int, last: int) -> list[bytes]:
    return [b'{"id":"%d"}' % n for n in range(first, last)]


def drained(store: Spill, count: int = 7) -> list[bytes]:
    out: list[bytes] = []
    while head := store.head(count, 1_000):
        store.done(head)
        out += head
    return out


def abandoned(root: Path, name: str, content: list[bytes], done: int = 0) -> None:
    """What a process leaves that is killed."""
    store = Spill.create(root, name, PLENTY)
    store.append(content, durable=True)
    store.done(content[:done])
    # The kernel closes files, nothing else: no `close` of ours.
    os.close(store._lock)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "SEGMENT_BYTES", 200)


def test_lines_come_back_in_order_over_many_segments_and_finished_ones_are_deleted(tmp_path: Path) -> None:
    store = Spill.create(tmp_path, "s", PLENTY)
    for n in range(100):
        store.append(lines(n, n + 1), durable=n % 2 == 0)
    assert len(list(tmp_path.glob("s/*.jsonl"))) > 3
    assert store.waiting == 100
    assert drained(store) == lines(0, 100)
    assert (store.waiting, store.waiting_bytes) == (0, 0)
    assert len(list(tmp_path.glob("s/*.jsonl"))) == 1
    store.append(lines(100, 101), durable=False)
    assert drained(store) == lines(100, 101)
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_adopted_in_order_where_it_stopped(tmp_path: Path) -> None:
    abandoned(tmp_path, "2", lines(50, 60))
    abandoned(tmp_path, "1", lines(0, 50), done=20)
    found = Spill.adopt(tmp_path, PLENTY)
    assert [store.waiting for store in found] == [30, 10]
    assert [line for store in found for line in drained(store)] == lines(20, 60)
    for store in found:
        store.close()
    assert list(tmp_path.iterdir()) == []


def test_nobody_adopts_from_a_process_that_lives_nor_what_another_has_adopted(tmp_path: Path) -> None:
    alive = Spill.create(tmp_path, "alive", PLENTY)
    alive.append(lines(0, 1), durable=False)
    abandoned(tmp_path, "dead", lines(1, 2))
    first, second = Spill.adopt(tmp_path, PLENTY), Spill.adopt(tmp_path, PLENTY)
    assert [drained(store) for store in first] == [lines(1, 2)]
    assert second == []
    for store in (*first, alive):
        store.close()


def test_a_line_without_its_end_was_never_promised(tmp_path: Path) -> None:
    abandoned(tmp_path, "1", lines(0, 3))
    with next(tmp_path.glob("1/*.jsonl")).open("ab") as file:
        file.write(b'{"id":"torn')
    (found,) = Spill.adopt(tmp_path, PLENTY)
    assert drained(found) == lines(0, 3)
    found.close()


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 40, b"x y", b"000000000009 00000000000000000000\n"])
def test_a_mark_that_cannot_be_read_sends_again_rather_than_not_at_all(tmp_path: Path, rubbish: bytes) -> None:
    abandoned(tmp_path, "1", lines(0, 3), done=1)
    known = rubbish.startswith(b"0")
    (tmp_path / "1" / "done").write_bytes(rubbish)
    (found,) = Spill.adopt(tmp_path, PLENTY)
    # A mark in a later segment means that this one is finished.
    assert drained(found) == ([] if known else lines(0, 3))
    found.close()


def test_a_full_spill_takes_nothing_of_it_and_room_comes_back(tmp_path: Path) -> None:
    store = Spill.create(tmp_path, "s", 45)
    store.append(lines(0, 3), durable=False)
    with pytest.raises(NotTaken) as full:
        store.append(lines(3, 5), durable=False)
    assert full.value.code == "spill_full"
    assert store.waiting == 3
    store.done(store.head(2, 1_000))
    store.append(lines(3, 5), durable=False)
    assert drained(store) == lines(2, 5)
    store.close()


def test_a_disk_that_fails_in_the_middle_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Spill.create(tmp_path, "s", PLENTY)
    store.append(lines(0, 2), durable=False)
    write = os.write

    def full_disk(file: int, data: bytes) -> int:
        write(file, data[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full_disk)
    with pytest.raises(NotTaken) as failed:
        store.append(lines(2, 3), durable=False)
    assert failed.value.code == "spill_failed"
    monkeypatch.setattr(os, "write", write)
    store.append(lines(3, 4), durable=False)
    assert drained(store) == [*lines(0, 2), *lines(3, 4)]
    store.close()


def test_a_place_where_nothing_can_be_kept_is_said_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(Unusable) as caught:
        Spill.create(tmp_path / "file" / "below", "s", PLENTY)
    assert caught.value.code == "spill_unusable"


def test_what_actions_say_is_nobody_elses_business(tmp_path: Path) -> None:
    store = Spill.create(tmp_path / "root", "s", PLENTY)
    store.append(lines(0, 1), durable=True)
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "root").rglob("*")}
    assert modes == {0}
    drained(store)
    store.close()
