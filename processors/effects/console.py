"""The channel `console`: one JSON line per page in a file, and one line on stdout. For demos and for a first look."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from processors.effects import page
from processors.effects.channels import Verdict
from schemas.messages.notifications import Request

# About 30,000 pages; one older file is kept beside it.
FILE_BYTES = 16 * 1_048_576


class Console:
    """Appends to `path` (None: stdout only). A page written twice after a crash has the same notification_id."""

    def __init__(self, path: Path | None, link_base: str) -> None:
        self._path = path
        self._link_base = link_base

    async def send(self, request: Request) -> Verdict:
        """Write the page; `delivered` when the lines are handed to the system."""
        # In a thread: a reader of our stdout that has stopped must not stop everything else here.
        await asyncio.to_thread(self._write, request)
        return Verdict("delivered", "written to the console")

    def _write(self, request: Request) -> None:
        if self._path is not None:
            document = page.document(request, self._link_base)
            document["to"] = {"kind": request.channel.kind, "address": request.channel.address}
            self._append(self._path, json.dumps(document, ensure_ascii=False) + "\n")
        print(page.line(request, self._link_base), file=sys.stdout, flush=True)

    def _append(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > FILE_BYTES:
            path.replace(path.with_name(path.name + ".1"))
        # One write in append mode: lines of several threads or processes do not mix.
        with path.open("ab", buffering=0) as file:
            file.write(text.encode())
