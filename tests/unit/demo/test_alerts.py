"""The alert of the story is a webhook of Alertmanager, version 4."""

from __future__ import annotations

from gateway.demo import alerts, shop


def test_the_alert_fires_for_the_resource_that_fails_and_says_which_alert_it_is():
    body = alerts.webhook("2026-11-22T04:00:20.000+00:00")
    (alert,) = body["alerts"]
    assert (body["version"], body["status"], alert["status"]) == ("4", "firing", "firing")
    assert (alert["labels"]["alertname"], alert["labels"]["service"]) == ("PaymentsErrorRateHigh", "payments-service")
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-22T04:00:20.000+00:00", "0001-01-01T00:00:00Z")
    assert len(alert["fingerprint"]) == 16
    assert shop.ALERTMANAGER in shop.INTEGRATIONS
