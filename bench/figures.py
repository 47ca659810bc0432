"""Percentiles of measured times, and the one way in which they are printed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the least value with at least `share` of all at or below it."""
    rank = max(1, -(-len(sorted_values) * round(share * 1000) // 1000))
    return sorted_values[rank - 1]


def spread(seconds: Sequence[float]) -> Json:
    """Number, p50, p90, p99 and maximum of times, in milliseconds."""
    values = sorted(seconds)
    if not values:
        return {"n": 0}
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    marks = {name: round(percentile(values, share) * 1000, 1) for name, share in shares.items()}
    return {"n": len(values), **marks, "max": round(values[-1] * 1000, 1)}


def rows(table: Sequence[Mapping[str, Any]]) -> str:
    """A table in plain text, a column per key."""
    columns = list(table[0])
    lines = [columns, *([str(row[column]) for column in columns] for row in table)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)


def show(document: Json, text: str, as_json: bool) -> None:
    """Print the figures for a program or for a person."""
    print(json.dumps(document, indent=1) if as_json else text)
