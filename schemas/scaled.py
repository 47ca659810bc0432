"""Measured values as whole numbers: millionths, so that nothing that decides meets a float. Pure.

    of("12.5") == 12_500_000        text(12_500_000) == "12.5"

A value with more than six decimals is rounded to the nearest millionth (half to even): 0.1 + 0.2 is 0.3 here.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

DECIMALS = 6
SCALE = 1_000_000
# A million millions; in millionths 10^18, under the 9.2 x 10^18 of a signed long.
VALUE_MAX = 10**12
SCALED_MAX = VALUE_MAX * SCALE
_DIGITS = 12
# Sums stop here: 9 x 10^12 units.
SUM_MAX = 9 * SCALED_MAX
# Of a text: sign, 13 digits, point, decimals; more is no number that anybody measured.
TEXT_MAX = 64


def of(value: Any) -> int | None:
    """The millionths of a whole number, a float of JSON or a decimal text; None for what is none, or out of range."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, int):
        return value * SCALE if abs(value) <= VALUE_MAX else None
    text = repr(value) if isinstance(value, float) else value
    if len(text) > TEXT_MAX or not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    # Its exponent is looked at first: 1e999999999 must not become a number with a thousand million digits.
    if not found.is_finite() or found.adjusted() > _DIGITS or found.copy_abs() > VALUE_MAX:
        return None
    if found.adjusted() < -DECIMALS - 1:
        return 0
    return int(found.scaleb(DECIMALS).to_integral_value(ROUND_HALF_EVEN))


def text(value: int) -> str:
    """Millionths as a decimal without needless zeros: `5000`, `0.25`, `-1.5`."""
    whole, rest = divmod(abs(value), SCALE)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}" + (f".{rest:06d}".rstrip("0") if rest else "")


def bounded(total: int) -> int:
    """A sum, held within what is kept."""
    return max(-SUM_MAX, min(SUM_MAX, total))
