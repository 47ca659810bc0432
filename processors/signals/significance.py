"""When a failure rate is elevated: exact binomial bounds by whole numbers, and the rate in words.

`fewest(e)[n]` is the smallest number of failures at n tries that happens by chance in at most one case of a thousand
while the true rate is e per mille: with e = 10 one failure of three is nothing (30 of 1,000 cases), two of three are
something (0.3 of 1,000). Beyond TRIES tries the counts are scaled down to it, which is never less cautious.
"""

from __future__ import annotations

from functools import lru_cache

TRIES = 1_000
# At most one false alarm in so many looks at a dependency that fails as expected.
CHANCE = 1_000
# Tables of 1,001 numbers, one an expected rate in use: 40 KB each.
TABLES = 64


@lru_cache(maxsize=TABLES)
def fewest(expected_per_mille: int) -> tuple[int, ...]:
    """By tries (0 to TRIES): the smallest count of failures that is significant.

    P(at least k of n) <= 1/CHANCE, all scaled by 1000**n. From n to n+1 the distribution function loses p times the
    probability of its last value, so each step is a few multiplications of whole numbers.
    """
    p, q = expected_per_mille, 1_000 - expected_per_mille
    out = [1]
    k = 1  # below = P(fewer than k) * 1000**n, last = P(exactly k - 1) * 1000**n
    total, below, last = 1, 1, 1
    for n in range(1, TRIES + 1):
        below = below * 1_000 - p * last
        last = last * q * n // (n - (k - 1))
        total *= 1_000
        while (total - below) * CHANCE > total:
            last = last * (n - (k - 1)) * p // (k * q)
            below += last
            k += 1
        out.append(k)
    return tuple(out)


def needed(tries: int, expected_per_mille: int, alert_per_mille: int) -> int:
    """The smallest number of failures of so many tries that is elevated: significant, and above the alert's rate."""
    table = fewest(expected_per_mille)
    # Of scaled counts floor(failures * TRIES / tries) must reach the table's number.
    significant = table[tries] if tries <= TRIES else -(-table[TRIES] * tries // TRIES)
    return max(significant, alert_per_mille * tries // 1_000 + 1)


def percent(failures: int, tries: int) -> str:
    """`5.2 %`, rounded half up."""
    per_mille = (failures * 2_000 + tries) // (2 * tries) if tries else 0
    return f"{per_mille // 10}.{per_mille % 10} %"


def rate(per_mille: int) -> str:
    """`1 %`, `0.5 %`."""
    return f"{per_mille // 10} %" if per_mille % 10 == 0 else f"{per_mille // 10}.{per_mille % 10} %"


def words(name: str, tries: int, failures: int, window_s: int, expected: int, alert: int, elevated: bool) -> str:
    """`stripe: 0.8 % (normal <= 1 %), 8 of 1,000 tries failed in 3600 s`."""
    if not tries:
        return f"{name}: no tries in {window_s} s"
    if elevated:
        state = f"elevated: normal <= {rate(expected)}, alert above {rate(alert)}"
    elif failures * 1_000 > expected * tries:
        state = f"normal <= {rate(expected)}, not significant with so few"
    else:
        state = f"normal <= {rate(expected)}"
    return f"{name}: {percent(failures, tries)} ({state}), {failures:,} of {tries:,} tries failed in {window_s} s"
