"""What every page stands on: who looks, what may be asked of the gateway, and the headers that hold on every answer.

The pages' own addresses are in `gateway.web.routes`. A page asks the `Backend` and nothing else: it answers with the
same functions as the doors of /v1, so a page never knows more than they do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import web

from gateway.http import bodies
from gateway.web import secret
from gateway.web.environment import render

CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: the token's tenant and subject, its kind, the secret that a form must send back, and whether they may
    change the tenant's configuration.
    """

    tenant: str
    subject: str
    kind: str
    csrf: str
    admin: bool = False


class Backend(Protocol):
    """What the pages need of the gateway. Lists are `{"items", "next", "as_of"}` of the API."""

    @property
    def verbs(self) -> Collection[str]:
        """The commands that a person can give an incident."""

    def reader(self, request: web.Request) -> Reader | None:
        """Who is signed in, or None."""

    async def incidents(self, reader: Reader, asked: Mapping[str, str], cursor: str | None, limit: int) -> Json:
        """A page of incidents; `asked` are the parameters of GET /v1/incidents. Raises MandateError."""

    async def incident(self, reader: Reader, name: str) -> Json:
        """One incident by INC-n or id. Raises MandateError `incident_unknown`."""

    async def timeline(self, reader: Reader, name: str, limit: int, beside: str | None = None) -> Json:
        """An incident's timeline, with that of another one between."""

    async def pages(self, reader: Reader, name: str | None, limit: int) -> Json:
        """Pages of an incident, or of all."""

    async def summary(self, reader: Reader) -> Json:
        """The tenant in numbers; `exhausted`: incidents that nobody answered and that nobody has taken since."""

    async def overview(self, reader: Reader) -> Json | None:
        """What is open now in short, as GET /v1/overview says it without items; None while Redis cannot be asked."""

    async def change(self, reader: Reader, name: str) -> Json:
        """One change by its id. Raises MandateError `change_unknown`."""

    async def radius(self, reader: Reader, name: str) -> Json:
        """What an incident may have hit, as GET /v1/incidents/{incident}/blast-radius says it. Raises MandateError."""

    async def catalog(self, reader: Reader, words: str, cursor: str | None, limit: int) -> Json:
        """A page of the services, as GET /v1/catalog says it."""

    async def take_catalog(
        self, reader: Reader, files: Sequence[tuple[str, bytes]], repository: str, dry: bool
    ) -> Json:
        """Make files the catalog, as POST /v1/tenants/{tenant}/catalog/import answers. Raises MandateError."""

    async def calendar(self, reader: Reader) -> Json:
        """Maintenance windows and freezes: `{"windows", "freezes", "next"}`, as they were configured and will be."""

    async def service(self, reader: Reader, name: str) -> Json:
        """One service, as GET /v1/catalog/{service} says it. Raises MandateError `service_unknown`."""

    async def cases(self, reader: Reader, cursor: str | None, limit: int) -> Json:
        """A page of RML cases."""

    async def case(self, reader: Reader, name: str) -> Json:
        """One case by CASE-n or id. Raises MandateError `case_unknown`."""

    async def pipeline(self, reader: Reader) -> Json:
        """The health of the pipeline, as GET /v1/pipeline says it."""

    async def fate(self, reader: Reader, asked: str, actor: str | None) -> Json:
        """What became of an action, as GET /v1/actions/{id}/fate says it. Raises MandateError."""

    async def answer(self, reader: Reader, name: str, verb: str, said: Mapping[str, str]) -> str:
        """Send a command of a person; returns what became of it in one sentence."""

    async def reviews(self, reader: Reader, verdict: str, cursor: str | None, limit: int) -> Json:
        """A page of what was flagged (`all` or a verdict), and the external dependencies as `dependencies`."""

    async def judge(self, reader: Reader, name: str, verb: str, note: str | None) -> str:
        """A person's verdict on what was flagged; returns what became of it in one sentence."""

    async def suggestions(self, reader: Reader, state: str, cursor: str | None, limit: int) -> Json:
        """A page of suggestions."""

    async def decide(self, reader: Reader, name: str, verb: str, said: Mapping[str, str]) -> str:
        """A person's decision on a suggestion; returns what became of it in one sentence."""

    def problem(self, error: Exception) -> Json:
        """The problem document of whatever was raised: `status`, `title`, `detail`, `remedy`."""


BACKEND: web.AppKey[Backend] = web.AppKey("pages-backend", Backend)
Handler = Callable[[web.Request, Backend, Reader], Awaitable[web.StreamResponse]]


def now() -> str:
    """The server's clock as the API writes it; for ages on the page only."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def html(text: str, status: int = 200) -> web.Response:
    """A page with the headers that hold on every one."""
    headers = {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    answer = web.Response(text=text, status=status, content_type="text/html", headers=headers)
    answer.enable_compression()
    return answer


def problem(reader: Reader | None, found: Json) -> web.Response:
    """A page that says what went wrong and what to do."""
    return html(render("problem.html", me=reader, here="", exhausted=[], x=found), found["status"])


class TooOld(Exception):
    """A form came without the secret of its reader's session."""


async def theirs(request: web.Request, reader: Reader) -> dict[str, str]:
    """The fields of a form of this reader's session, without its secret. Raises TooOld, and what reading it raises."""
    return _checked(await bodies.form(request), reader)


async def uploaded(request: web.Request, reader: Reader) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    """The same of a form with files, as (name, bytes). Raises TooOld, and what reading it raises."""
    fields, files = await bodies.uploaded(request)
    return _checked(fields, reader), files


def _checked(fields: dict[str, str], reader: Reader) -> dict[str, str]:
    if not secret.theirs(fields.pop("csrf", None), reader.csrf):
        raise TooOld
    return fields


_TOO_OLD: Json = {
    "status": 403,
    "title": "The form was too old",
    "detail": "It did not carry the secret of your session.",
    "remedy": "Open the page again and press the button there.",
}


def signed_in(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Ask for a token first; turn whatever is raised into a page that says what to do."""

    async def wrapped(request: web.Request) -> web.StreamResponse:
        backend = request.app[BACKEND]
        reader = backend.reader(request)
        if reader is None:
            if request.headers.get("HX-Request"):
                return html("", 401)
            raise web.HTTPSeeOther(f"/login?next={request.path}")
        try:
            return await handler(request, backend, reader)
        except web.HTTPException:
            raise
        except TooOld:
            return problem(reader, _TOO_OLD)
        except Exception as error:  # its problem document is what the API would answer; a bug is logged there
            return problem(reader, backend.problem(error))

    return wrapped
