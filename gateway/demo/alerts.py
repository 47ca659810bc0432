"""What the shop's Alertmanager sends when payments fail: one alert, in the form of its webhook (version 4). Pure."""

from __future__ import annotations

from typing import Any

NAME = "PaymentsErrorRateHigh"
RESOURCE = "payments-service"
# Alertmanager's own, over the labels: with `startsAt` it says which alert this is, however often it is sent.
FINGERPRINT = "a3f1c09be27d4658"
PATH = "/v1/integrations/alertmanager"


def webhook(starts_at: str) -> dict[str, Any]:
    """The body of the webhook for the alert that fires since `starts_at` (RFC 3339)."""
    labels = {"alertname": NAME, "service": RESOURCE, "severity": "warning"}
    annotations = {"summary": "More than 5 % of the calls of payments-service fail."}
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{NAME}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "mandate",
        "groupLabels": {"alertname": NAME},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://alertmanager.shop.example",
        "alerts": [
            {
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": starts_at,
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prometheus.shop.example/graph",
                "fingerprint": FINGERPRINT,
            }
        ],
    }
