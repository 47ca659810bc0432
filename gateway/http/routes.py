"""The whole URL table of the API on one screen, and the document made of it. The pages' own table is
gateway.web.routes.

A new line names its description last; how to write one stands in gateway/http/openapi/__init__.py.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256

from aiohttp import web

from gateway.http import (
    attribution,
    auth,
    catalog,
    cataloguing,
    changes,
    commands,
    configure,
    correcting,
    fates,
    flooding,
    ingest,
    observations,
    operations,
    overviews,
    pagerduty,
    pipeline,
    reads,
    responding,
    suggestions,
    telling,
)
from gateway.http.auth import Access
from gateway.http.openapi import (
    actions,
    cases,
    document,
    incidents,
    operating,
    reading,
    triggers,
)
from gateway.http.openapi import (
    attribution as attribution_words,
)
from gateway.http.openapi import catalog as catalog_words
from gateway.http.openapi import changes as change_words
from gateway.http.openapi import correcting as correcting_words
from gateway.http.openapi import fates as told
from gateway.http.openapi import flooding as flooding_words
from gateway.http.openapi import pipeline as pipeline_words
from gateway.http.openapi import responding as responding_words
from gateway.http.openapi import telling as telling_words
from gateway.http.operations import DOCUMENT, Served
from gateway.http.route import Handler, Route

ROUTES = (
    Route("GET", "/healthz", Access.OPEN, operations.healthz, operating.HEALTH),
    Route("GET", "/metrics", Access.OPEN, operations.metrics, operating.METRICS),
    Route("GET", "/openapi.json", Access.OPEN, operations.openapi, operating.DOCUMENT),
    Route("POST", "/login", Access.OPEN, auth.login, operating.LOGIN),
    Route("POST", "/logout", Access.OPEN, auth.logout, operating.LOGOUT),
    Route("GET", "/v1/me", Access.TENANT, auth.me, operating.ME),
    Route(
        "PUT",
        "/v1/tenants/{tenant}/configuration",
        Access.CONFIGURE,
        configure.put_configuration,
        operating.PUT_CONFIGURATION,
    ),
    Route(
        "GET",
        "/v1/tenants/{tenant}/configuration",
        Access.CONFIGURE,
        configure.get_configuration,
        operating.GET_CONFIGURATION,
    ),
    Route(
        "POST",
        "/v1/tenants/{tenant}/catalog/import",
        Access.CONFIGURE,
        cataloguing.post_import,
        catalog_words.IMPORT,
    ),
    Route("POST", "/v1/actions", Access.TENANT, ingest.post_actions, actions.SEND),
    Route("GET", "/v1/actions/{id}", Access.TENANT, fates.get_action, told.ONE),
    Route("GET", "/v1/actions/{id}/fate", Access.TENANT, fates.get_fate, told.FATE),
    Route("GET", "/v1/overview", Access.TENANT, overviews.get_overview, told.OVERVIEW),
    Route("GET", "/v1/timeline", Access.TENANT, reads.get_timeline, reading.TIMELINE),
    Route("GET", "/v1/timeline/{event}", Access.TENANT, reads.get_action, reading.ACTION),
    Route("GET", "/v1/incidents", Access.TENANT, reads.get_incidents, incidents.LIST),
    Route("GET", "/v1/incidents/{incident}", Access.TENANT, reads.get_incident, incidents.ONE),
    Route("GET", "/v1/incidents/{incident}/causes", Access.TENANT, attribution.get_causes, attribution_words.LIST),
    Route("GET", "/v1/incidents/{incident}/timeline", Access.TENANT, reads.get_incident_timeline, incidents.TIMELINE),
    Route(
        "GET", "/v1/incidents/{incident}/blast-radius", Access.TENANT, catalog.get_blast_radius, catalog_words.RADIUS
    ),
    Route("GET", "/v1/catalog", Access.TENANT, catalog.get_catalog, catalog_words.LIST),
    Route("GET", "/v1/catalog/{service}", Access.TENANT, catalog.get_service, catalog_words.ONE),
    Route(
        "POST",
        "/v1/incidents/{incident}/acknowledge",
        Access.PERSON,
        commands.post("acknowledge"),
        incidents.ACKNOWLEDGE,
    ),
    Route("POST", "/v1/incidents/{incident}/assign", Access.PERSON, commands.post("assign"), incidents.ASSIGN),
    Route("POST", "/v1/incidents/{incident}/contain", Access.PERSON, commands.post("contain"), incidents.CONTAIN),
    Route("POST", "/v1/incidents/{incident}/resolve", Access.PERSON, commands.post("resolve"), incidents.RESOLVE),
    Route("POST", "/v1/incidents/{incident}/reopen", Access.PERSON, commands.post("reopen"), incidents.REOPEN),
    Route("POST", "/v1/incidents/{incident}/close", Access.PERSON, commands.post("close"), incidents.CLOSE),
    Route("POST", "/v1/incidents/{incident}/severity", Access.PERSON, commands.post("severity"), incidents.SEVERITY_OF),
    Route(
        "POST",
        "/v1/incidents/{incident}/false-alarm",
        Access.PERSON,
        responding.post("false-alarm"),
        responding_words.FALSE_ALARM,
    ),
    Route(
        "POST",
        "/v1/incidents/{incident}/postmortem",
        Access.PERSON,
        responding.post("postmortem"),
        responding_words.POSTMORTEM,
    ),
    Route(
        "POST",
        "/v1/incidents/{incident}/escalate",
        Access.PERSON,
        responding.post("escalate"),
        responding_words.ESCALATE,
    ),
    Route("POST", "/v1/incidents/{incident}/mute", Access.PERSON, responding.post("mute"), responding_words.MUTE),
    Route("POST", "/v1/incidents/{incident}/join", Access.PERSON, responding.post("join"), responding_words.JOIN),
    Route("POST", "/v1/incidents/{incident}/leave", Access.PERSON, responding.post("leave"), responding_words.LEAVE),
    Route(
        "POST", "/v1/incidents/{incident}/handoff", Access.PERSON, responding.post("handoff"), responding_words.HANDOFF
    ),
    Route(
        "POST",
        "/v1/incidents/{incident}/rollback",
        Access.PERSON,
        responding.post("rollback"),
        responding_words.ROLLBACK,
    ),
    Route(
        "POST",
        "/v1/incidents/{incident}/communicate",
        Access.PERSON,
        responding.post("communicate"),
        responding_words.COMMUNICATE,
    ),
    Route(
        "POST",
        "/v1/incidents/{incident}/commander",
        Access.PERSON,
        responding.post("commander"),
        responding_words.COMMANDER,
    ),
    Route(
        "POST",
        "/v1/incidents/{incident}/release-commander",
        Access.PERSON,
        responding.post("release-commander"),
        responding_words.RELEASE_COMMANDER,
    ),
    Route(
        "POST", "/v1/incidents/{incident}/approve", Access.PERSON, responding.post("approve"), responding_words.APPROVE
    ),
    Route(
        "POST", "/v1/incidents/{incident}/decline", Access.PERSON, responding.post("decline"), responding_words.DECLINE
    ),
    Route("POST", "/v1/incidents/{incident}/split", Access.PERSON, correcting.post("split"), correcting_words.SPLIT),
    Route("POST", "/v1/incidents/{incident}/merge", Access.PERSON, correcting.post("merge"), correcting_words.MERGE),
    Route("POST", "/v1/incidents/{incident}/undo", Access.PERSON, correcting.post("undo"), correcting_words.UNDO),
    Route(
        "GET",
        "/v1/incidents/{incident}/related",
        Access.TENANT,
        correcting.get_related,
        correcting_words.RELATED_TO,
    ),
    Route("POST", "/v1/reports", Access.TENANT, telling.post_report, telling_words.REPORT),
    Route("GET", "/v1/changes", Access.TENANT, changes.get_changes, change_words.LIST),
    Route("GET", "/v1/changes/{change}", Access.TENANT, changes.get_change, change_words.ONE),
    Route("POST", "/v1/changes", Access.TENANT, telling.post_change, telling_words.CHANGE),
    Route(
        "POST", "/v1/integrations/alertmanager", Access.TENANT, telling.post_alertmanager, telling_words.ALERTMANAGER
    ),
    Route("POST", "/v1/observations", Access.TENANT, observations.post_observations, triggers.OBSERVE),
    Route("GET", "/v1/suggestions", Access.TENANT, suggestions.get_suggestions, triggers.SUGGESTIONS),
    Route("GET", "/v1/suggestions/{suggestion}", Access.TENANT, suggestions.get_suggestion, triggers.SUGGESTED),
    Route("POST", "/v1/suggestions/{suggestion}/accept", Access.PERSON, suggestions.post("accept"), triggers.ACCEPT),
    Route("POST", "/v1/suggestions/{suggestion}/dismiss", Access.PERSON, suggestions.post("dismiss"), triggers.DISMISS),
    # The token is in the body, as PagerDuty has it.
    Route("POST", "/v2/enqueue", Access.OPEN, pagerduty.post_event, triggers.PD_EVENT),
    Route("POST", "/v2/change/enqueue", Access.OPEN, pagerduty.post_change, triggers.PD_CHANGE),
    Route("GET", "/v1/commands/{command}", Access.TENANT, commands.get_command, incidents.COMMAND),
    Route("GET", "/v1/pages", Access.TENANT, reads.get_pages, reading.PAGES),
    Route("GET", "/v1/cases", Access.TENANT, reads.get_cases, cases.LIST),
    Route("GET", "/v1/cases/{case}", Access.TENANT, reads.get_case, cases.ONE),
    Route("GET", "/v1/ledger", Access.TENANT, reads.get_ledger, cases.LEDGER),
    Route("GET", "/v1/review", Access.TENANT, flooding.get_reviews, flooding_words.LIST),
    Route("GET", "/v1/review/{review}", Access.TENANT, flooding.get_review, flooding_words.ONE),
    Route("POST", "/v1/review/{review}/release", Access.PERSON, flooding.judge("released"), flooding_words.RELEASE),
    Route("POST", "/v1/review/{review}/confirm", Access.PERSON, flooding.judge("confirmed"), flooding_words.CONFIRM),
    Route("GET", "/v1/dependencies", Access.TENANT, flooding.get_dependencies, flooding_words.DEPENDENCIES),
    Route(
        "POST",
        "/v1/dependencies/{name}/status",
        Access.TENANT,
        flooding.post_dependency_status,
        flooding_words.STATUS,
    ),
    Route("GET", "/v1/pipeline", Access.TENANT, pipeline.get_pipeline, pipeline_words.PIPELINE),
    Route("GET", "/v1/summary", Access.TENANT, reads.get_summary, reading.SUMMARY),
)


def add(app: web.Application) -> None:
    """Mount the table, each handler behind its access check, and the document of it."""
    app[DOCUMENT] = _served()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _guarded(route))


@cache
def _served() -> Served:
    """The table's document: written once a process, whatever the number of applications."""
    body = json.dumps(document.document(ROUTES), ensure_ascii=False, separators=(",", ":")).encode()
    return Served(body, f'"{sha256(body).hexdigest()[:32]}"')


def _guarded(route: Route) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        auth.check(request, route.access)
        return await route.handler(request)

    return handle
