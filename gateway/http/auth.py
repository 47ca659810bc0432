"""Who asks, and whether this address is for them. Every route names its access; nothing is open by omission.

Bearer tokens work everywhere; the cookie of POST /login works for GET, and for the forms of pages that send back the
principal's `csrf`. A form of another site can therefore neither read nor change anything.
"""

from __future__ import annotations

import hmac
from enum import Enum

from aiohttp import web

from gateway.http import bodies
from gateway.http.errors import BadRequest, Forbidden, Unauthenticated
from gateway.http.keys import PRINCIPAL, SERVICES
from gateway.http.tokens import Principal

COOKIE = "mandate_session"
COOKIE_SECONDS = 12 * 3600
ADMIN = "admin"
_SAFE = ("GET", "HEAD")


class Access(Enum):
    """Who may use a route."""

    OPEN = "anybody"
    TENANT = "any token of a tenant"
    PERSON = "a person's token"
    CONFIGURE = "the operator, or a person with the role admin, of the tenant in the path"
    PAGE = "the handler asks for itself (pages show a form instead of a problem)"


async def identify(request: web.Request) -> Principal | None:
    """Who asks: by the bearer token, else by the cookie; None without either. Raises Unauthenticated, BadRequest."""
    header = request.headers.get("Authorization")
    tokens = request.app[SERVICES].tokens
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated(
                "token_malformed", "the header Authorization", "it is no bearer token", "Send `Bearer TOKEN`."
            )
        found = await tokens.of(token.strip())
        if found is None:
            raise _unknown()
        return found
    cookie = request.cookies.get(COOKIE)
    return None if not cookie else await tokens.of(cookie)


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "token_unknown",
        "your token",
        "nobody has it",
        "Check it, or ask for a new one (`mandate config apply` makes them).",
    )


def check(request: web.Request, access: Access) -> None:
    """Refuse who may not. Raises Unauthenticated, Forbidden."""
    if access in (Access.OPEN, Access.PAGE):
        return
    who = request.get(PRINCIPAL)
    if who is None:
        raise Unauthenticated("token_missing", "the request", "it has no token", "Send `Authorization: Bearer TOKEN`.")
    if request.method not in _SAFE and "Authorization" not in request.headers:
        raise Forbidden(
            "cookie_not_enough", "the request", "a browser's cookie may only read here", "Send a bearer token."
        )
    if access is Access.CONFIGURE:
        if not may_configure(who, request.match_info["tenant"]):
            raise not_yours()
    elif who.tenant is None:
        raise Forbidden(
            "tenant_missing",
            "the operator's token",
            "it belongs to no tenant",
            "Use it for /v1/tenants/… only, and a token of the tenant here.",
        )
    elif access is Access.PERSON and who.kind != "person":
        raise Forbidden(
            "person_required",
            "your token",
            f"its kind is {who.kind}",
            "Use the token of a person: somebody must answer.",
        )


def may_configure(who: Principal, tenant: str) -> bool:
    """The operator, and the tenant's own admins."""
    if who.kind == "operator" and who.tenant in (None, tenant):
        return True
    return who.tenant == tenant and who.kind == "person" and ADMIN in who.roles


def not_yours() -> Forbidden:
    """The same answer for a tenant of somebody else and for one that does not exist."""
    return Forbidden(
        "configuration_forbidden",
        "the configuration of this tenant",
        "your token may not",
        "Use the operator's token, or that of a person of the tenant with the role admin.",
    )


def tenant_of(request: web.Request) -> str:
    """The tenant of a request whose access is TENANT or PERSON."""
    return principal_of(request).tenant or ""


def principal_of(request: web.Request) -> Principal:
    """Who asks, on a route that is not open."""
    return request[PRINCIPAL]


async def login(request: web.Request) -> web.StreamResponse:
    """POST /login: the form's token becomes an HttpOnly cookie; then back to `next` (an address of this site)."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        raise Forbidden("origin_foreign", "the form", "it was sent by another site", "Open the page here.")
    form = await bodies.form(request)
    token = form.get("token", "")
    if not token.strip():
        raise BadRequest("field_required", "field token", "it is missing", "Paste your token.", field="token")
    who = await request.app[SERVICES].tokens.of(token.strip())
    if who is None or who.tenant is None:
        refused = request.app[SERVICES].login_refused
        if refused is not None:
            return refused(_next(form.get("next")), "Nobody has this token.")
        raise _unknown()
    answer = web.Response(status=303, headers={"Location": _next(form.get("next"))})
    answer.set_cookie(
        COOKIE,
        token.strip(),
        max_age=COOKIE_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.secure or request.app[SERVICES].settings.behind_tls,
        path="/",
    )
    return answer


async def logout(request: web.Request) -> web.StreamResponse:
    """POST /logout: forget the cookie."""
    answer = web.Response(status=303, headers={"Location": "/login"})
    answer.del_cookie(COOKIE, path="/")
    return answer


def _next(value: object) -> str:
    """An address of this site, or the front page: never another site's, however it is spelled."""
    fine = (
        isinstance(value, str)
        and value.startswith("/")
        and not value.startswith(("//", "/\\"))
        and value.isprintable()
        and value.isascii()
    )
    return str(value) if fine else "/"


def form_is_theirs(who: Principal, csrf: object) -> bool:
    """True when a form of a page carries the secret of this session."""
    return isinstance(csrf, str) and csrf.isascii() and hmac.compare_digest(csrf, who.csrf)


async def me(request: web.Request) -> web.Response:
    """GET /v1/me: who the token belongs to."""
    who = principal_of(request)
    return web.json_response({"tenant": who.tenant, "subject": who.subject, "kind": who.kind, "roles": list(who.roles)})
