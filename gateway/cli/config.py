"""The commands `config apply` and `config show`: a tenant's settings, versioned, with the difference shown
first."""

from __future__ import annotations

import hashlib
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli import settings_file
from gateway.cli.access import Profile, access, access_options, read_profile, write_profile, write_secret
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json, Refused
from gateway.cli.output import EXIT_TEXT, json_option, run, show
from gateway.cli.settings_file import SettingsFile, TokenEntry
from schemas.errors import ConfigurationError

# 32 random bytes: nothing to guess, short enough to paste.
TOKEN_BYTES = 32


@click.group(epilog=EXIT_TEXT)
def config() -> None:
    """Apply and show a tenant's configuration: its documents (people, escalation, incidents, catalog …) and tokens."""


@config.command(epilog=EXIT_TEXT)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--tenant", required=True, help="Whose configuration.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Check and show the difference, change nothing.")
@click.option("--use", is_flag=True, help="Then speak for this tenant: write its tokens to .mandate/profile.json.")
@access_options
@json_option
def apply(
    file: Path,
    tenant: str,
    yes: bool,
    dry_run: bool,
    use: bool,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Apply a YAML file: checked here, checked by the gateway, the difference shown, then asked.

    A section that the file does not name stays as it is. `tokens` replaces all of the tenant's; its entries
    name a subject, its kind (agent, person, operator, integration), roles, and either sha256 or token_file; a
    missing token file is made, readable by you only.

    \b
    Example:
      mandate config apply shop.yaml --tenant shop
    """

    async def work() -> int:
        wanted = settings_file.read(file)
        who = access(url, token_file, "operator")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            return await _apply(client, file, wanted, tenant, yes=yes, dry_run=dry_run, use=use, as_json=as_json)

    return run(work(), as_json)


@config.command("show", epilog=EXIT_TEXT)
@click.option("--tenant", help="Whose configuration. Else the profile's tenant.")
@click.option("--secrets", "with_secrets", is_flag=True, help="Also the secret that signs the tenant's webhooks.")
@access_options
@json_option
def show_command(
    tenant: str | None, with_secrets: bool, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Show a tenant's documents, their versions, and whether each has reached the processors (announced)."""

    profile = read_profile()
    whose = tenant or (profile.tenant if profile else None)
    if whose is None:
        raise click.UsageError("Whose? Give --tenant, or run mandate demo once: it leaves a profile.")

    async def work() -> None:
        who = access(url, token_file, "operator")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            answer = await client.get(configuration_path(whose))
        if not with_secrets:
            answer.pop("webhook_secret", None)
        if as_json:
            show(answer)
            return
        import yaml

        announced = answer.get("announced") or {}
        click.echo(f"# tenant: {whose}")
        if not answer.get("versions"):
            click.echo(f"nothing was ever configured for {whose}: check the name (mandate config apply)", err=True)
        for name, version in sorted((answer.get("versions") or {}).items()):
            state = "announced" if announced.get(name) else "not announced yet"
            click.echo(f"# {name}: version {version}, {state}")
        click.echo(yaml.safe_dump(answer.get("documents") or {}, sort_keys=True, allow_unicode=True), nl=False)
        for window in answer.get("next_windows") or []:
            where = ", ".join(window["resources"])
            click.echo(f"# next {window['kind']}: {window['name']} on {where}, {window['start']} to {window['end']}")
        if with_secrets:
            click.echo(f"# webhook_secret: {answer.get('webhook_secret')}")

    return run(work(), as_json)


async def _apply(
    client: Client,
    file: Path,
    wanted: SettingsFile,
    tenant: str,
    *,
    yes: bool,
    dry_run: bool,
    use: bool,
    as_json: bool,
) -> int:
    now = await in_force(client, tenant)
    settings_file.check_with({**(now.get("documents") or {}), **wanted.documents}, file)
    tokens = [_token(entry) for entry in wanted.tokens or ()]
    body: Json = {
        "documents": dict(wanted.documents),
        "expected": {name: (now.get("versions") or {}).get(name, 0) for name in wanted.documents},
    }
    if wanted.tokens is not None:
        # The gateway replaces all tokens of the tenant by these; without the section it leaves them.
        body["tokens"] = [
            {"sha256": sha256, "subject": entry.subject, "kind": entry.kind, "roles": list(entry.roles)}
            for entry, sha256, _ in tokens
        ]
    _, difference = await client.request("PUT", configuration_path(tenant), body={**body, "dry_run": True})
    changed = difference.get("changed") or []
    show_difference(changed, len(tokens))
    for warning in difference.get("warnings") or []:
        click.echo(f"warning[{warning.get('code')}]: {warning.get('field')}: {warning.get('detail')}", err=True)
    if dry_run:
        if as_json:
            show(difference)
        return 0
    profile = _profile(tenant, [(entry, plain) for entry, _, plain in tokens]) if use else None
    if not yes and (changed or wanted.tokens is not None):
        confirm(tenant)
    for entry, _, plain in tokens:
        if entry.token_file is not None and plain is not None and not entry.token_file.exists():
            write_secret(entry.token_file, plain + "\n")
            click.echo(f"token of {entry.subject} written to {entry.token_file}", err=True)
    _, answer = await client.request("PUT", configuration_path(tenant), body={**body, "dry_run": False})
    if profile is not None:
        write_profile(profile)
    if as_json:
        show(answer)
    else:
        done = ", ".join(f"{c['document']} {c['to']}" for c in answer.get("changed") or [])
        click.echo(f"applied to {tenant}: {done or 'no document changed'}; {len(tokens)} tokens", err=True)
    return 0


async def in_force(client: Client, tenant: str) -> Json:
    """The configuration of a tenant, empty for one that was never configured. Raises ClientError."""
    try:
        return await client.get(configuration_path(tenant))
    except Refused as refused:
        if refused.status == 404:
            return {}
        raise


def new_token() -> str:
    """A fresh bearer token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """The SHA-256 of a token, in hexadecimal: all that the gateway keeps."""
    return hashlib.sha256(token.encode()).hexdigest()


def configuration_path(tenant: str) -> str:
    """The address of a tenant's configuration."""
    return f"/v1/tenants/{quote(tenant, safe='')}/configuration"


def _token(entry: TokenEntry) -> tuple[TokenEntry, str, str | None]:
    """(entry, digest, the token itself where it is known)."""
    if entry.sha256 is not None:
        return entry, entry.sha256, None
    assert entry.token_file is not None
    plain = entry.token_file.read_text().strip() if entry.token_file.exists() else new_token()
    return entry, digest(plain), plain


def show_difference(changed: Sequence[Any], tokens: int) -> None:
    """What would change, on stderr."""
    for change in changed:
        click.echo(f"{change['document']}: version {change['from']} -> {change['to']}", err=True)
        for line in change.get("diff") or []:
            colour = "green" if line.startswith("+") else "red" if line.startswith("-") else None
            click.secho(f"  {line}", fg=colour, err=True)
    if not changed:
        click.echo("no document changes", err=True)
    if tokens:
        click.echo(f"tokens: the {tokens} of the file replace all of the tenant's", err=True)


def confirm(tenant: str) -> None:
    """Ask. Raises ConfigurationError `confirmation_needed` where nobody is there, click.Abort for a no."""
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "confirmation_needed",
            f"the configuration of {tenant}",
            "nobody is there to be asked",
            "Give --yes to apply it, or --dry-run to look only.",
        )
    click.confirm(f"Apply this to {tenant}?", abort=True, err=True)


def _profile(tenant: str, tokens: Sequence[tuple[TokenEntry, str | None]]) -> Profile:
    known = {entry.kind: (entry.subject, plain) for entry, plain in reversed(tokens) if plain is not None}
    if "person" not in known or "agent" not in known:
        raise ConfigurationError(
            "profile_incomplete",
            "--use",
            "the file has no token file of a person and of an agent",
            "Add both under tokens, with token_file.",
        )
    (person, person_token), (agent, agent_token) = known["person"], known["agent"]
    return Profile(tenant, person, person_token, agent, agent_token)
