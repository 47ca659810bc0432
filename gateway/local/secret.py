"""Secrets of the local stack: made at the first need, in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

# 24 bytes of chance are 32 characters: far beyond guessing.
SECRET_BYTES = 24


def secret_in(file: Path) -> str:
    """The secret kept in this file."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(SECRET_BYTES))
    return file.read_text().strip()
