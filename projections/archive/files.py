"""Where the archive's files lie: a directory of this machine, or any address that pyarrow.fs knows (s3://bucket/path).

A file is visible whole or not at all: locally it is written beside, synced and renamed; an object store shows an object
when its upload ends. What is written may stay without a row in the manifest (an orphan); the store removes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from projections.errors import NotReady, Refused

# Ends the name of a file that is being written; never part of the archive.
PART = ".part"


class Files:
    """Files by names relative to the archive's place. Errors of the place are NotReady `archive_unreachable`."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._local: Path | None = None
        try:
            if "://" in where:
                base, root = fs.FileSystem.from_uri(where)
            else:
                base, root = fs.LocalFileSystem(), str(Path(where).absolute())
        except (OSError, ValueError) as error:
            raise Refused(
                "setting_wrong", "MANDATE_ARCHIVE", f"{where!r}: {error}", "Give a directory or a URL such as s3://…."
            ) from error
        if isinstance(base, fs.LocalFileSystem):
            self._local = Path(root)
        self._fs = fs.SubTreeFileSystem(root, base)

    def write(self, name: str, data: memoryview) -> None:
        """Make the file `name` with this content, whole and durable; one that is there is replaced."""
        with _told(f"writing {name}"):
            if self._local is not None:
                _write_local(self._local / name, data)
                return
            with self._fs.open_output_stream(name) as out:
                out.write(data)

    def read(self, name: str) -> bytes | None:
        """The whole content, or None when there is no such file."""
        with _told(f"reading {name}"):
            try:
                with self._fs.open_input_stream(name) as source:
                    content: bytes = source.read()
            except FileNotFoundError:
                return None
            return content

    def open(self, name: str) -> pa.NativeFile | None:
        """A file to be read here and there, or None when there is no such file. One that is far away is read whole:
        a connection that breaks later would look like a damaged file."""
        if self._local is None:
            content = self.read(name)
            return None if content is None else pa.BufferReader(content)
        with _told(f"reading {name}"):
            try:
                return pa.OSFile(str(self._local / name))
            except FileNotFoundError:
                return None

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is as good."""
        with _told(f"deleting {name}"):
            try:
                self._fs.delete_file(name)
            except FileNotFoundError:
                return

    def names(self, below: str) -> list[str]:
        """Every file below a folder, in order of names; none when there is no such folder."""
        with _told(f"listing {below}"):
            found = self._fs.get_file_info(fs.FileSelector(below, allow_not_found=True, recursive=True))
        return sorted(info.path for info in found if info.type == fs.FileType.File)


def _write_local(path: Path, data: memoryview) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    with part.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # The name too must outlive a power failure, since the row that names the file does.
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _told(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotReady(
            "archive_unreachable",
            f"the archive, {doing}",
            str(error),
            "Check MANDATE_ARCHIVE, its rights and its space.",
        ) from error
