"""Health, metrics, who asks, configuration, and this document."""

from __future__ import annotations

from gateway.http.openapi.operation import JSON, Answer, Operation, answer
from gateway.http.openapi.parts import WARNINGS
from gateway.http.openapi.schema import Schema, array, boolean, choice, integer, maybe, number, obj, text, whole

_HEALTH = whole(
    {
        "healthy": boolean(),
        "sender": text("`ok`, or why it can never send again."),
        "answers": text("`ok`, or `died`."),
        "lag_seconds": {"type": "object", "additionalProperties": number()},
    }
)
HEALTH = Operation(
    "Is this process well?",
    "operating",
    {
        200: answer("It works once its neighbours answer.", _HEALTH),
        503: answer("Only a restart helps.", _HEALTH),
    },
)
METRICS = Operation(
    "Metrics in Prometheus' text format",
    "operating",
    {200: Answer("The metrics.", {"text/plain": text()})},
)
DOCUMENT = Operation(
    "This document",
    "operating",
    {
        200: answer("OpenAPI 3.1.", {"type": "object"}, ETag="Of this document; give it as If-None-Match."),
        304: Answer("You have it already (If-None-Match)."),
    },
)

_FORM = "application/x-www-form-urlencoded"
_HTML: dict[str, Schema] = {"text/html": text()}
LOGIN = Operation(
    "Sign in to the pages: the token becomes a cookie",
    "pages",
    {
        303: Answer("Signed in.", headers={"Location": "`next`, an address of this site.", "Set-Cookie": "HttpOnly."}),
        401: Answer("Nobody has this token: the form again.", _HTML),
    },
    bodies={_FORM: obj({"token": text(min=1), "next": text()}, required=("token",))},
    problems={400: ("field_required", "form_unreadable"), 403: ("origin_foreign",), 503: ("tokens_unavailable",)},
)
LOGOUT = Operation(
    "Sign out of the pages: the cookie is forgotten",
    "pages",
    {303: Answer("Signed out.", headers={"Location": "The form of POST /login."})},
)
ME = Operation(
    "Whose token is this?",
    "operating",
    {
        200: answer(
            "Its owner; no tenant for the operator of the installation.",
            whole({"tenant": maybe(text()), "subject": text(), "kind": text(), "roles": array(text())}),
        )
    },
)

_DOCUMENTS: Schema = {"type": "object", "additionalProperties": {"type": "object"}}
_VERSIONS: Schema = {"type": "object", "additionalProperties": integer(low=0)}
_TOKEN = obj(
    {
        "sha256": text("SHA-256 of the token, never the token.", pattern="^[0-9a-f]{64}$"),
        "subject": text(min=1, max=256),
        "kind": choice(("agent", "person", "operator", "integration")),
        "roles": maybe(array(text(min=1, max=256), max=32)),
    },
    required=("sha256", "subject", "kind"),
)
PUT_CONFIGURATION = Operation(
    "Give a tenant new versions of its documents, and its tokens",
    "configuration",
    {
        200: answer(
            "Accepted (or, with dry_run, acceptable).",
            obj(
                {
                    "tenant": text(),
                    "changed": array(
                        whole(
                            {
                                "document": text(),
                                "from": integer(low=0),
                                "to": integer(low=1),
                                "diff": array(text()),
                            }
                        )
                    ),
                    "versions": _VERSIONS,
                    "warnings": WARNINGS,
                },
                required=("tenant", "changed", "versions"),
            ),
        )
    },
    about="Documents: see docs/tenant.yaml. What is left out stays; `tokens` replaces all of them.",
    bodies={
        JSON: obj(
            {
                "documents": maybe({"type": "object"}),
                "tokens": maybe(array(_TOKEN, max=10_000)),
                "expected": maybe({"type": "object"}),
                "dry_run": maybe(boolean("Check only.")),
            }
        )
    },
    problems={
        409: ("configuration_conflict", "token_taken"),
        413: ("configuration_too_large",),
        422: (
            *("configuration_invalid", "configuration_unknown", "tenant_malformed"),
            *("cron_malformed", "time_zone_unknown", "window_malformed", "calendar_too_dense"),
        ),
    },
)
GET_CONFIGURATION = Operation(
    "Read a tenant's documents, versions, and the secret that signs its webhooks",
    "configuration",
    {
        200: answer(
            "The configuration.",
            whole(
                {
                    "tenant": text(),
                    "documents": _DOCUMENTS,
                    "versions": _VERSIONS,
                    "announced": {"type": "object", "additionalProperties": boolean()},
                    "webhook_secret": maybe(text("`whsec_…`; none before the first PUT.")),
                    "next_windows": array(obj({}), "What the calendar has at hand or comes next, the soonest first."),
                }
            ),
        )
    },
    problems={422: ("tenant_malformed",)},
)
