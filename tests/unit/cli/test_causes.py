"""`mandate incident causes`: badges, why we think so, what is folded, and what one could do."""

from __future__ import annotations

from gateway.cli.attribution import lines


def ranked(percent: int, badge: str) -> dict:
    return {
        "kind": "flag",
        "before": "off",
        "after": "on",
        "resource": "checkout",
        "actor": "flag-bot",
        "percent": percent,
        "badge": badge,
        "collapsed": percent < 50,
        "parts": [{"name": "relation", "points": 240, "why": "on checkout, which fails"}],
    }


FOUND = {
    "incident": "INC-1",
    "kind": "feature_flag",
    "said": "flag off → on of checkout by flag-bot, 60 s before the first failure",
    "ranked": [ranked(85, "likely"), ranked(41, "suspected")],
    "reasons": ["on checkout, which fails: 240 points"],
    "tied": 0,
    "writes": [],
    "warning": None,
    "advice": [{"action": "disable_flag", "parameters": {"flag": "new-checkout"}, "why": "its likely cause"}],
}


def test_each_cause_has_its_badge_and_the_parts_of_its_points():
    assert list(lines(FOUND, everything=False)) == [
        "INC-1: feature flag, flag off → on of checkout by flag-bot, 60 s before the first failure",
        "  [LIKELY 85%] flag off → on of checkout by flag-bot",
        "    +240  on checkout, which fails",
        "  1 below 50 %; --all shows them",
        "  One could disable flag (flag new-checkout): its likely cause.",
    ]
    assert "  [SUSPECTED 41%] flag off → on of checkout by flag-bot" in list(lines(FOUND, everything=True))


def test_no_candidate_says_why():
    none = FOUND | {
        "ranked": [],
        "said": "no candidate",
        "reasons": ["no change is known"],
        "kind": "failure",
        "advice": [],
    }
    assert list(lines(none, everything=False)) == ["INC-1: failure, no candidate", "  no change is known"]
