"""Actions become rows of head columns and original bytes; a list shows them decoded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from projections.plain import time_text
from projections.timeline.project import COUNTS, DAY_MS, DRIFTS, GAPS, TIMELINE, project
from projections.timeline.queries import item, whole
from schemas import codec, ids
from schemas.messages import actions, kernel
from tests.unit.projections import records as r
from tests.unit.projections.records import T0, TENANT, Log


def _rows(log: Log) -> list[dict[str, Any]]:
    rows = project(log.said()).timeline
    return [dict(zip(TIMELINE.names, row, strict=True)) for row in rows]


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the database gives it back."""
    moment = datetime.fromtimestamp(row["append_time"] / 1000, UTC)
    return row | {"event_id": ids.text(row["event_id"]), "processed_at": moment}


def test_a_row_is_the_head_the_flags_and_the_original_bytes():
    log = Log("actions.ordered", partition=3, offset=40)
    record = log.add(r.an_action(7), headers=(("flags", b"late,stale_timestamp"),))
    (row,) = _rows(log)
    assert row == {
        "tenant": TENANT,
        "topic": "actions.ordered",
        "partition": 3,
        "offset": 40,
        "append_time": T0,
        "event_id": ids.derive("action", 7),
        "actor": "catalog-sync",
        "session": "s1",
        "sequence": 7,
        "event_time": T0 + 7,
        "received_at": T0 + 8,
        "traits": 0,
        "resource": "storefront",
        "type": "catalog.update",
        "flags": "late,stale_timestamp",
        "error_type": None,
        "error_message": None,
        "original": record.value,
    }


def test_an_error_has_columns_of_its_own():
    log = Log("actions.ordered")
    log.add(r.failed_action(1))
    (row,) = _rows(log)
    assert (row["error_type"], row["error_message"]) == ("PaymentError", "pool exhausted (order 1)")


def test_a_broken_rest_still_has_a_row_that_says_so():
    log = Log("actions.ordered")
    log.add_raw(codec.encode(r.failed_action(1))[:-3])
    (row,) = _rows(log)
    assert (row["error_type"], row["actor"]) == (None, "catalog-sync")
    shown = whole(_stored(row))
    assert shown["flags"] == ["undecodable"]
    assert shown["actor"] == "catalog-sync"
    assert shown["attempt"] is None


def test_ticks_and_configuration_are_not_actions():
    log = Log("actions.ordered")
    log.add(kernel.Tick())
    log.add(kernel.ConfigurationAnnounced(TENANT, "signals", 1, "h", b"{}"), headers=(("ce_id", b"x"),))
    log.add(r.an_action(1))
    assert [row["offset"] for row in _rows(log)] == [2]


def test_rows_are_counted_by_tenant_and_day_of_append():
    log = Log("actions.ordered", now=DAY_MS * 20_000 - 1, step=1)
    for n in range(3):
        log.add(r.an_action(n))
    log.add(r.an_action(3, tenant="bank"))
    counts = [dict(zip(COUNTS.names, row, strict=True)) for row in project(log.said()).counts]
    assert counts == [
        {"tenant": "bank", "day": 20_000, "rows": 1},
        {"tenant": "shop", "day": 19_999, "rows": 1},
        {"tenant": "shop", "day": 20_000, "rows": 2},
    ]


def test_gaps_and_drifts():
    log = Log("ordering.events")
    for kind in ("opened", "filled", "declared"):
        log.add(r.gap(kind, T0 + 40_000))
    log.add(r.drift(T0))
    changes = project(log.said())
    gaps = [dict(zip(GAPS.names, row, strict=True)) for row in changes.gaps]
    assert [g["kind"] for g in gaps] == ["opened", "filled", "declared"]
    assert [g["missing_count"] for g in gaps] == [2, 0, 2]
    assert [g["opened_at"] for g in gaps] == [T0 + 40_000, T0 + 38_500, T0 + 10_000]
    assert gaps[2]["missing"] == (5, 6)
    (drift,) = [dict(zip(DRIFTS.names, row, strict=True)) for row in changes.drifts]
    assert (drift["actor"], drift["kind"], drift["drift_ms"]) == ("data-processor", "stale_timestamp", -7_200_000)


def test_the_shape_of_an_item():
    log = Log("actions.ordered")
    effect = actions.Effect("charge", "4900", "EUR", "customer-1", "ch_1", "compensable")
    log.add(r.failed_action(1, effect=effect, traits=actions.ERROR | actions.EFFECT, source_id="a-1", sequence=-1))
    (row,) = _rows(log)
    shown = item(_stored(row))
    assert set(shown) == {
        *("event_id", "source_id", "actor", "session", "sequence", "type", "resource", "timestamp", "received_at"),
        *("appended_at", "processed_at", "flags", "late", "error", "effect", "change", "on_behalf_of", "attempt"),
        *("result", "parent_id", "trace_id", "tool", "topic", "partition", "offset"),
    }
    assert shown["event_id"] == ids.text(ids.derive("action", 1))
    assert shown["source_id"] == "a-1"
    assert shown["sequence"] is None
    assert shown["error"] == {"type": "PaymentError", "message": "pool exhausted (order 1)", "code": None}
    assert shown["effect"]["amount"] == "4900"
    assert shown["appended_at"] == time_text(T0)


def test_one_item_has_the_whole_action():
    log = Log("actions.ordered")
    payload = actions.PayloadReference("inline", 3, "h", None, b"abc")
    log.add(r.an_action(1, labels=actions.Labels("RML1", "read"), payload=payload, actor_version="2.1"))
    (row,) = _rows(log)
    shown = whole(_stored(row))
    assert shown["labels"] == {"world": "RML1", "action": "read"}
    assert shown["payload"]["content_base64"] == "YWJj"
    assert shown["actor_version"] == "2.1"


def test_an_item_names_the_tool_and_the_whole_action_the_model_too():
    log = Log("actions.ordered")
    tool, model = actions.Tool("kubectl.apply", "function", "call-7"), actions.ModelUse("m-1", "p", 1_200, 80)
    log.add(r.an_action(1, tool=tool, model=model))
    (row,) = _rows(log)
    assert item(_stored(row))["tool"] == {"name": "kubectl.apply", "type": "function", "call_id": "call-7"}
    assert whole(_stored(row))["model"] == {"name": "m-1", "provider": "p", "input_tokens": 1_200, "output_tokens": 80}


def test_times_outside_the_calendar_are_clamped():
    assert time_text(2**62) == "9999-12-31T23:59:59.999Z"
    assert time_text(-(2**62)) == "0001-01-01T00:00:00.000Z"
    assert time_text(None) is None
