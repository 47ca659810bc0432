"""How likely causes are weighed (`causes` of the configuration document `incidents`): points, thresholds, horizon.

A change has `score` points of 1,000, from which its percentage follows. The defaults were chosen on the
even seeds of bench/causal_model.py; the odd ones judge them (`python -m bench.incidents`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from schemas.document_reader import Reader, invalid

MAX_HORIZON_S = 2_592_000  # 30 days: changes leave the state then at the latest


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part of the evidence is worth, in points.

    Where the change was: `same` resource, `of_actor` (of the account that fails), `upstream` one, two, three steps
    below what fails, `downstream` (a caller), `same_actor` on a resource without relation.
    When: `nearness` at once, falling with the logarithm of the time between, nothing after `lookback_s`.
    What: `fits` at most for a kind that breaks in this way, as much less for one that does not; `names` when the error
    names it, `elsewhere` less when it names something else that is depended on; `overlap` when who changed it fails;
    `denied` when it took away what is denied, as much less when it granted; `words` when error and change speak of the
    same thing; `magnitude` for a large change, half for a medium one, as much less for a small one; `fails_too` when
    what was changed had failures before; and what each kind of change is worth by itself.
    """

    same: int = 240
    of_actor: int = 270
    upstream: int = 170
    upstream_2: int = 165
    upstream_3: int = 120
    downstream: int = 30
    same_actor: int = 50
    nearness: int = 290
    fits: int = 120
    words: int = 110
    names: int = 180
    elsewhere: int = 30
    overlap: int = 110
    denied: int = 160
    magnitude: int = 30
    fails_too: int = 160
    deploy: int = 70
    config: int = 80
    flag: int = 80
    migration: int = 90
    permission: int = 120
    other: int = 30


@dataclass(frozen=True, slots=True)
class Causes:
    """From how many points a cause is a candidate at all (`low`, shown as 40 %), possible (`medium`), likely (`high`:
    70 %) and as sure as it gets (`certain`: 99 %).

    A change more than `lookback_s` before the first failure is no candidate; within `half_s` it is as near as can be.
    Two changes within `tie` points are a tie: neither is likely then. Changes are kept for `horizon_s`.
    `meta_failures` pages that did not arrive within `meta_window_s`, or as many false alarms within `meta_lookback_s`,
    are an incident of the configuration that was changed at most `meta_lookback_s` before.
    """

    lookback_s: int = 86_400
    half_s: int = 60
    high: int = 655
    medium: int = 610
    low: int = 570
    certain: int = 800
    tie: int = 20
    horizon_s: int = MAX_HORIZON_S
    weights: Weights = Weights()
    meta_failures: int = 3
    meta_window_s: int = 600
    meta_lookback_s: int = 3_600


CAUSES = Causes()


def read_causes(r: Reader) -> Causes:
    """The mapping `causes`. Raises ConfigurationError `configuration_invalid`."""
    d = Causes()
    out = Causes(
        r.number("lookback_s", d.lookback_s, 1, MAX_HORIZON_S),
        r.number("half_s", d.half_s, 1, 86_400),
        r.number("high", d.high, 1, 1_000),
        r.number("medium", d.medium, 1, 1_000),
        r.number("low", d.low, 1, 1_000),
        r.number("certain", d.certain, 1, 1_000),
        r.number("tie", d.tie, 0, 1_000),
        r.number("horizon_s", d.horizon_s, 3_600, MAX_HORIZON_S),
        _weights(r.inner("weights")),
        r.number("meta_failures", d.meta_failures, 1, 32),
        r.number("meta_window_s", d.meta_window_s, 1, 86_400),
        r.number("meta_lookback_s", d.meta_lookback_s, 1, 86_400),
    )
    if not out.low <= out.medium <= out.high:
        raise invalid(r.place, "low, medium and high must not fall")
    r.done()
    return out


def _weights(r: Reader) -> Weights:
    d = Weights()
    out = Weights(**{f.name: r.number(f.name, getattr(d, f.name), 0, 1_000) for f in fields(Weights)})
    r.done()
    return out
