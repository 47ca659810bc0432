"""Typed keys of what an application and a request carry."""

from __future__ import annotations

from aiohttp import web

from gateway.http.services import Services
from gateway.http.tokens import Principal

SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
