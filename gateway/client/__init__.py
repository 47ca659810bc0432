"""The Python client: an agent hands over its actions and never loses one, whatever is killed meanwhile.

    from gateway.client import Client

    with Client("http://127.0.0.1:8080", token, actor="deployer") as client:
        client.action("deploy", "search-service")

What is here: `sync.py` and `asynchronous.py` (the two clients), one `engine.py` behind both (collect, send, try again,
settle), `spill.py` (actions on disk while the gateway is away), `patience.py` (backoff and circuit breaker), `wire.py`
(what goes out and what answers mean), `http.py` (one POST).
Who calls it: agents, and the demo's. It writes to `POST /v1/actions` and to its own spill directory.
It must never import more than the standard library and `schemas.errors`, give an action a second id, or let go of one
that the gateway has not decided about.
"""

from __future__ import annotations

from gateway.client.actions import Change, Effect, Error, Fields, Labels
from gateway.client.asynchronous import AsyncClient, AsyncPending
from gateway.client.errors import ClientError, NotTaken, Refused, Undelivered, Unusable
from gateway.client.face import spill_home
from gateway.client.pending import Pending
from gateway.client.policy import Policy
from gateway.client.sync import Client
from gateway.client.wire import Receipt

__all__ = [
    "AsyncClient",
    "AsyncPending",
    "Change",
    "Client",
    "ClientError",
    "Effect",
    "Error",
    "Fields",
    "Labels",
    "NotTaken",
    "Pending",
    "Policy",
    "Receipt",
    "Refused",
    "Undelivered",
    "Unusable",
    "spill_home",
]
