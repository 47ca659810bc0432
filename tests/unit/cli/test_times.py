"""Times as people write them."""

from __future__ import annotations

import pytest

from gateway.cli.times import moment

NOW = 1_772_962_200_123


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("now", NOW),
        ("-90s", NOW - 90_000),
        ("-30m", NOW - 1_800_000),
        ("-1h", NOW - 3_600_000),
        ("-7d", NOW - 604_800_000),
        ("-2w", NOW - 1_209_600_000),
        ("1970-01-01T00:00:01Z", 1_000),
        ("1970-01-01t00:00:01.234567z", 1_234),
        ("1970-01-01 01:00:00+01:00", 0),
        ("2026-03-08T09:30:00Z", 1_772_962_200_000),
    ],
)
def test_every_form(text, ms):
    assert moment(text, NOW) == ms


@pytest.mark.parametrize("text", ["", "1h", "-1", "-1y", "2026-03-08", "2026-03-08T09:30:00", "2026-13-08T09:30:00Z"])
def test_what_is_no_time_is_told_the_forms(text):
    with pytest.raises(ValueError, match="RFC 3339"):
        moment(text, NOW)
