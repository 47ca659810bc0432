"""Actions on disk, until the gateway has them: append-only segment files in a directory of this process alone.

    <root>/<session>/lock                  held (flock) while the process lives; the kernel lets go, whatever kills it
    <root>/<session>/000000000001.jsonl    lines, one action in JSON each; appended to, and deleted when all are done
    <root>/<session>/done                  "<segment> <offset>": everything before it has been taken by the gateway

A line is with the operating system when `append` returns, so it survives a kill -9; with `durable` it is on the disk
and survives a power cut. `done` is written without waiting for the disk: behind the truth it only makes actions go out
a second time, under their same ids. A last line without its end was never promised to anybody and is not read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.client.errors import NotTaken, Unusable
from gateway.client.policy import ACTION_BYTES_MAX
from gateway.client.store import full

# Of 64 MB at most sixteen files; a finished one is deleted, so the disk holds at most one of them too many.
SEGMENT_BYTES = 4 * 1_048_576
_SUFFIX = ".jsonl"
_DONE_BYTES = 12 + 1 + 20 + 1


class Spill:
    """The store of one directory. Use `create` for a new one and `adopt` for those of processes that are gone."""

    def __init__(self, directory: Path, lock: int, limit: int) -> None:
        self._directory = directory
        self._lock = lock
        self._limit = limit
        self._sizes = {number: _whole(path) for number, path in _segments(directory)}
        self._done = os.open(directory / "done", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._offset = self._read_done()
        self.waiting = self._count()
        self.waiting_bytes = sum(self._sizes.values()) - self._offset
        self._writing: int | None = None
        self._reading: tuple[int, int] | None = None

    @classmethod
    def create(cls, root: Path, name: str, limit: int) -> Spill:
        """A new directory of this process. Raises Unusable `spill_unusable`."""
        directory = root / name
        try:
            # Actions may hold what is nobody else's business.
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(root):
                directory.mkdir(mode=0o700)
                lock = _locked(directory)
            assert lock is not None, "a directory that was made just now is nobody else's"
            return cls(directory, lock, limit)
        except OSError as error:
            raise Unusable(
                "spill_unusable",
                f"the directory {directory}",
                f"actions cannot be kept there: {error}",
                "Name a writable one (spill=…, or MANDATE_SPILL), or spill=None to keep them in memory only.",
            ) from error

    @classmethod
    def adopt(cls, root: Path, limit: int) -> list[Spill]:
        """The directories that processes left behind which are gone, the oldest first."""
        out: list[Spill] = []
        if not root.is_dir():
            return out
        with _alone(root):
            for directory in sorted(path for path in root.iterdir() if path.is_dir()):
                with contextlib.suppress(OSError):  # its owner has just finished it
                    lock = _locked(directory)
                    if lock is not None:
                        out.append(cls(directory, lock, limit))
        return out

    @property
    def place(self) -> str | None:
        """The directory."""
        return str(self._directory)

    def append(self, lines: Sequence[bytes], durable: bool) -> None:
        """Keep all lines, or none. Raises NotTaken `spill_full`, `spill_failed`."""
        data = b"".join(line + b"\n" for line in lines)
        if self.waiting_bytes + len(data) > self._limit:
            raise full(self.waiting, self.waiting_bytes, self._limit, str(self._directory))
        number = max(self._sizes, default=0)
        before = self._sizes.get(number, 0)
        try:
            if self._writing is None or before + len(data) > SEGMENT_BYTES:
                number, before = number + 1, 0
                self._begin(number)
            assert self._writing is not None
            _write(self._writing, data)
            if durable:
                os.fsync(self._writing)
        except OSError as error:
            # Nothing half: what was written of it is taken away again.
            if self._writing is not None:
                os.ftruncate(self._writing, before)
            raise NotTaken(
                "spill_failed", "the action", f"it cannot be kept in {self._directory}: {error}", "Make room there."
            ) from error
        self._sizes[number] = before + len(data)
        self.waiting += len(lines)
        self.waiting_bytes += len(data)

    def head(self, count: int, size: int) -> list[bytes]:
        """The oldest lines of the oldest segment."""
        for number in sorted(self._sizes):
            left = self._sizes[number] - self._offset
            if left > 0:
                data = os.pread(self._reader(number), min(left, size + ACTION_BYTES_MAX), self._offset)
                return _lines(data, count, size)
            if number == max(self._sizes):
                break
            self._next(number)
        return []

    def done(self, lines: Sequence[bytes]) -> None:
        """Forget these."""
        size = sum(len(line) + 1 for line in lines)
        self._offset += size
        self.waiting -= len(lines)
        self.waiting_bytes -= size
        number = min(self._sizes)
        if self._offset >= self._sizes[number] and number != max(self._sizes):
            self._next(number)
        self._write_done()

    def sync(self) -> None:
        """Everything appended so far is on the disk."""
        if self._writing is not None:
            os.fsync(self._writing)

    def close(self) -> None:
        """Let go; an empty directory is deleted."""
        if not self.waiting:
            for path in (*(path for _, path in _segments(self._directory)), self._directory / "done"):
                path.unlink(missing_ok=True)
            (self._directory / "lock").unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody put something of his own here: it stays
                self._directory.rmdir()
        elif self._writing is not None:
            os.fsync(self._writing)
        for file in (self._writing, self._reading and self._reading[1], self._done, self._lock):
            if file is not None:
                os.close(file)
        self._writing = self._reading = None

    def _begin(self, number: int) -> None:
        """Open the next segment; the old one is on the disk from then on."""
        if self._writing is not None:
            os.fsync(self._writing)
            os.close(self._writing)
            self._writing = None
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._writing = os.open(self._directory / f"{number:012d}{_SUFFIX}", flags, 0o600)
        self._sizes[number] = 0
        # The file's name too: without this a power cut may forget that there is such a file.
        folder = os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _reader(self, number: int) -> int:
        if self._reading is None or self._reading[0] != number:
            if self._reading is not None:
                os.close(self._reading[1])
            self._reading = number, os.open(self._directory / f"{number:012d}{_SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
        return self._reading[1]

    def _next(self, number: int) -> None:
        """This segment is finished: reading goes on at the beginning of the one after it."""
        del self._sizes[number]
        self._offset = 0
        self._write_done()
        (self._directory / f"{number:012d}{_SUFFIX}").unlink(missing_ok=True)

    def _write_done(self) -> None:
        os.pwrite(self._done, f"{min(self._sizes, default=0):012d} {self._offset:020d}\n".encode(), 0)

    def _read_done(self) -> int:
        """The offset in the oldest segment before which everything is done."""
        try:
            number, offset = (int(part) for part in os.pread(self._done, _DONE_BYTES, 0).split())
        except ValueError:
            return 0
        for finished in [n for n in self._sizes if n < number]:
            del self._sizes[finished]
            (self._directory / f"{finished:012d}{_SUFFIX}").unlink(missing_ok=True)
        return min(offset, self._sizes.get(number, 0))

    def _count(self) -> int:
        count, offset = 0, self._offset
        for number in sorted(self._sizes):
            data = (self._directory / f"{number:012d}{_SUFFIX}").read_bytes()[offset : self._sizes[number]]
            count, offset = count + data.count(b"\n"), 0
        return count


def _segments(directory: Path) -> list[tuple[int, Path]]:
    return sorted((int(path.stem), path) for path in directory.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def _whole(path: Path) -> int:
    """The bytes of a segment up to the end of its last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Nobody else makes or adopts a directory meanwhile: one without a lock yet would look like one left behind."""
    gate = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _locked(directory: Path) -> int | None:
    """The lock's file descriptor, or None while another process holds it."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Deleted between our opening and our locking: its owner has finished.
        if os.fstat(lock).st_nlink == 0:
            raise BlockingIOError
    except OSError as error:
        os.close(lock)
        if isinstance(error, BlockingIOError):
            return None
        raise
    return lock


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _lines(data: bytes, count: int, size: int) -> list[bytes]:
    out: list[bytes] = []
    start = 0
    while len(out) < count:
        end = data.find(b"\n", start)
        size -= end - start
        if end < 0 or (out and size < 0):
            break
        out.append(data[start:end])
        start = end + 1
    return out
