"""From windows as people write them to times on the log: zones, changes of the clock, bad input."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.configuration import calendars
from schemas.calendar import MAX_OCCURRENCES, Calendar, Occurrences
from schemas.configuration import canonical, parse_document
from schemas.errors import ConfigurationError

# A Sunday morning; Berlin's clocks went back on 25 October and go forward on 28 March.
NOW = int(datetime(2026, 11, 22, 18, 0, tzinfo=UTC).timestamp()) * 1000
WEEKLY = {"name": "Weekly", "cron": "0 2 * * SUN", "duration_s": 14_400, "time_zone": "Europe/Berlin"}


def made(*windows: dict[str, Any], now: int = NOW, freezes: tuple[dict[str, Any], ...] = ()) -> Occurrences:
    body = canonical({"maintenance_windows": list(windows), "change_freezes": list(freezes)})
    calendar = parse_document("calendar", body)
    assert isinstance(calendar, Calendar)
    found = parse_document("occurrences", calendars.occurrences(calendar, now))
    assert isinstance(found, Occurrences)
    return found


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def test_a_cron_window_is_told_in_utc_as_its_zone_has_it() -> None:
    found = made(WEEKLY)
    (window,) = found.windows
    assert window.spans[0] == (at("2026-11-22T01:00:00+00:00"), at("2026-11-22T05:00:00+00:00"))
    assert len(window.spans) == 9  # today's, and eight weeks
    assert found.until == at("2027-01-21T00:00:00+00:00")


def test_a_window_follows_the_clocks_of_its_zone() -> None:
    found = made(WEEKLY, now=at("2027-03-20T12:00:00+00:00"))
    starts = [datetime.fromtimestamp(start // 1000, UTC).hour for start, _ in found.windows[0].spans[:3]]
    assert starts == [1, 1, 0]  # on 28 March there is no 02:00: it begins at 03:00 summer time, 01:00 UTC


def test_a_day_later_the_times_are_others_and_the_same_day_the_same() -> None:
    body = canonical({"maintenance_windows": [WEEKLY]})
    calendar = parse_document("calendar", body)
    assert isinstance(calendar, Calendar)
    today = calendars.occurrences(calendar, NOW)
    assert calendars.occurrences(calendar, NOW + 3_600_000) == today
    assert calendars.occurrences(calendar, NOW + calendars.DAY_MS) != today


def test_one_that_does_not_repeat_is_announced_until_it_is_over() -> None:
    freeze = {"name": "Holidays", "start": "2026-12-20T00:00:00Z", "end": "2027-01-02T00:00:00Z", "kinds": ["deploy"]}
    found = made(freezes=(freeze,))
    assert found.windows[0].kinds == ("deploy",)
    assert found.until == 0
    assert made(freezes=(freeze,), now=at("2027-02-01T00:00:00+00:00")).windows == ()


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"cron": "0 2 * *", "duration_s": 60}, "cron_malformed"),
        ({"cron": "61 2 * * *", "duration_s": 60}, "cron_malformed"),
        ({"cron": "0 2 * * SUN", "duration_s": 60, "time_zone": "Mars/Base"}, "time_zone_unknown"),
        ({"cron": "0 2 * * SUN", "duration_s": 60, "time_zone": "../../etc/passwd"}, "time_zone_unknown"),
        ({"cron": "0 2 * * SUN", "duration_s": 60, "time_zone": ""}, "time_zone_unknown"),
        ({"cron": "* * * * *", "duration_s": 60}, "calendar_too_dense"),
        ({"start": "soon", "end": "later"}, "window_malformed"),
        ({"start": "2026-12-20T00:00:00Z", "end": "2026-12-20T00:00:00Z"}, "window_malformed"),
        ({"cron": "0 2 * * SUN"}, "configuration_invalid"),
        ({"cron": "0 2 * * SUN", "duration_s": 60, "kinds": ["deploy"]}, "configuration_invalid"),
    ],
)
def test_bad_input_has_a_code(window: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigurationError) as met:
        made({"name": "w"} | window)
    assert met.value.code == code


def test_an_hourly_window_reaches_a_week_and_says_how_far_it_is_known() -> None:
    found = made({"name": "hourly", "cron": "0 * * * *", "duration_s": 600})
    assert len(found.windows[0].spans) == MAX_OCCURRENCES
    assert found.until == found.windows[0].spans[-1][0]


def test_what_comes_next_is_said_in_order() -> None:
    calendar = parse_document("calendar", canonical({"maintenance_windows": [WEEKLY]}))
    assert isinstance(calendar, Calendar)
    body = calendars.occurrences(calendar, NOW)
    first = calendars.next_times(body, NOW)[0]
    assert first["start"] == at("2026-11-29T01:00:00+00:00")
    assert json.loads(body)["windows"][0]["name"] == "Weekly"
