"""Where the gateway is and who is asking: address, token and profile of a command.

Order of precedence: option, environment (MANDATE_URL, MANDATE_TOKEN), the profile in `.mandate/profile.json`
(mode 600; written by the demo and by `config apply --use`). A token is never an option's value: it would be
seen in `ps`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from gateway.local.connections import connections
from gateway.local.paths import find_home
from schemas.errors import MandateError

Kind = Literal["person", "agent", "operator"]
F = TypeVar("F", bound=Callable[..., Any])


class AccessError(MandateError):
    """A token or an address is missing."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The tenant that commands speak to when nothing else is said, with one person's and one agent's
    token."""

    tenant: str
    person: str
    person_token: str
    agent: str
    agent_token: str


@dataclass(frozen=True, slots=True)
class Access:
    """Address of the gateway and the bearer token."""

    url: str
    token: str


def access_options(command: F) -> F:
    """The options --url and --token-file, the same on every command."""
    command = click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help="File with the bearer token (- is stdin). Else MANDATE_TOKEN, else what .mandate/ keeps.",
    )(command)
    return click.option("--url", help="The gateway. Else MANDATE_URL, else the local stack's.")(command)


def access(url: str | None, token_file: Path | None, kind: Kind) -> Access:
    """Resolve address and token. Raises AccessError `token_missing`, `token_unreadable`."""
    return Access(gateway_url(url), _token(token_file, kind))


def gateway_url(url: str | None = None) -> str:
    """The gateway's address."""
    found = url or os.environ.get("MANDATE_URL") or connections().url
    return found if "://" in found else f"http://{found}"


def profile_path() -> Path:
    """The profile's file."""
    return find_home().directory / "profile.json"


def read_profile() -> Profile | None:
    """The profile, or None where there is none (or one that this version cannot read)."""
    try:
        return Profile(**json.loads(profile_path().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def write_profile(profile: Profile) -> None:
    """Replace the profile; readable by its owner only."""
    write_secret(profile_path(), json.dumps(asdict(profile), indent=1) + "\n")


def write_secret(path: Path, text: str) -> None:
    """A file of mode 600, replaced in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)


def _token(token_file: Path | None, kind: Kind) -> str:
    if token_file is not None:
        return _read(token_file)
    if given := os.environ.get("MANDATE_TOKEN"):
        return given.strip()
    if kind == "operator":
        path = find_home().directory / "operator.token"
        if path.exists():
            return _read(path)
        raise AccessError(
            "token_missing",
            "the operator's token",
            f"there is no {path}",
            "Start the local stack (mandate up), or give the token by --token-file or MANDATE_TOKEN.",
        )
    profile = read_profile()
    if profile is None:
        raise AccessError(
            "token_missing",
            f"the token of {'a person' if kind == 'person' else 'an agent'}",
            "neither --token-file nor MANDATE_TOKEN is given and there is no profile",
            "Give one of them, or run mandate demo once: it leaves a profile.",
        )
    return profile.person_token if kind == "person" else profile.agent_token


def _read(path: Path) -> str:
    try:
        text = click.get_text_stream("stdin").read() if str(path) == "-" else path.read_text()
    except OSError as error:
        raise AccessError("token_unreadable", f"token file {path}", str(error), "Name a readable file.") from error
    if not text.strip():
        raise AccessError("token_unreadable", f"token file {path}", "it is empty", "Put the token into it.")
    return text.strip()
