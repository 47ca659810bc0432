"""The pages' own files: style, scripts, icon. Read and compressed once at the start, sent from memory.

A browser asks each time whether they have changed (ETag), so that a new release is seen at once.
"""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
# What is smaller than this grows by compressing.
COMPRESS_ABOVE = 400


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes as they are and, where that is shorter, compressed."""

    kind: str
    etag: str
    plain: bytes
    packed: bytes | None


@cache
def load(folder: Path = STATIC) -> Mapping[str, Asset]:
    """Every file of the folder by its name; read once a process."""
    return {path.name: _asset(path) for path in sorted(folder.iterdir()) if path.is_file()}


def _asset(path: Path) -> Asset:
    plain = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(plain, 9, mtime=0) if len(plain) > COMPRESS_ABOVE else None
    return Asset(kind, f'"{sha256(plain).hexdigest()[:32]}"', plain, packed)


ASSETS: web.AppKey[Mapping[str, Asset]] = web.AppKey("pages-assets", Mapping)


async def asset(request: web.Request) -> web.StreamResponse:
    """GET /static/{name}."""
    found = request.app[ASSETS].get(request.match_info["name"])
    if found is None:
        raise web.HTTPNotFound()
    headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    body = found.plain
    if found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = found.packed
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, content_type=found.kind, headers=headers)
