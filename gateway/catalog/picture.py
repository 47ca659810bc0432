"""Boxes in columns with curves between them, as numbers: the pages draw them as SVG. Pure and deterministic.

Each column is ordered by where its boxes come from, then by name, so curves seldom cross and the same graph is always
the same picture. What does not fit into a column is counted in its last box. A list beside it says the same in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

WIDTH = 860
COLUMNS = 4
ROWS = 7
BOX_HEIGHT, ROW_HEIGHT, TOP, GAP = 50, 62, 34, 34
BOX_WIDTH_MAX = 230
CHARACTER = 8  # width of a bold character of 13 px, at most


@dataclass(frozen=True, slots=True)
class Item:
    """What is drawn: a box's two lines, its column, the box it comes from, and whether it is only possible."""

    id: str
    column: int
    came_from: str
    title: str
    note: str
    style: str  # hot, box, or box dash
    link: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A box in its place."""

    x: int
    y: int
    width: int
    height: int
    title: str
    note: str
    style: str
    link: str


@dataclass(frozen=True, slots=True)
class Curve:
    """A path's data, and whether it is dashed."""

    path: str
    dashed: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that the template writes. `heads` are (x, words) above the columns."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    heads: tuple[tuple[int, str], ...]


def draw(items: Sequence[Item], heads: Sequence[str]) -> Picture:
    """The picture of these items; columns beyond the last one are folded into it."""
    columns: list[list[Item]] = [[] for _ in range(COLUMNS)]
    for item in items:
        columns[min(item.column, COLUMNS - 1)].append(item)
    while len(columns) > 1 and not columns[-1]:
        columns.pop()
    width = min(BOX_WIDTH_MAX, (WIDTH - GAP * (len(columns) - 1) - 2) // len(columns))
    rank: dict[str, int] = {}
    places: dict[str, Box] = {}
    boxes: list[Box] = []
    for number, column in enumerate(columns):
        ordered = sorted(column, key=lambda i: (rank.get(i.came_from, ROWS), i.style != "box", i.title, i.id))
        shown = ordered if len(ordered) <= ROWS else ordered[: ROWS - 1]
        for row, item in enumerate(shown):
            rank.setdefault(item.id, row)
            places[item.id] = _box(item, number, row, width)
            boxes.append(places[item.id])
        if len(shown) < len(ordered):
            more = Item("", number, "", f"{len(ordered) - len(shown)} more", "in the list below", "box dash")
            boxes.append(_box(more, number, len(shown), width))
    curves = [
        _curve(places[item.came_from], places[item.id], "dash" in item.style)
        for item in items
        if item.id in places and item.came_from in places and item.came_from != item.id
    ]
    height = max((b.y + b.height for b in boxes), default=TOP) + 4
    titles = tuple((n * (width + GAP) + 14, word) for n, word in enumerate(heads[: len(columns)]))
    return Picture(WIDTH, height, tuple(boxes), tuple(curves), titles)


def of_radius(found: dict[str, Any]) -> Picture | None:
    """The picture of a blast radius as /v1 says it; None without one."""
    items = [
        Item(
            id=node["service"],
            column=node["depth"],
            came_from=node["via"] or "",
            title=node["service"],
            note=_note(node),
            style={"direct": "hot", "downstream": "box"}.get(node["relation"], "box dash"),
            link=f"/catalog/{node['service']}" if node["declared"] else "",
        )
        for node in found["nodes"]
    ]
    return draw(items, ("Failing", "Beside it", "Two steps", "Further")) if items else None


def of_owners(service: str, graph: dict[str, Any]) -> Picture | None:
    """The picture of an owner graph as /v1 says it; None where nobody owns the service."""
    if not graph["boxes"]:
        return None
    column = {service: 0}
    items = [Item(service, 0, "", service, "service", "hot", f"/catalog/{service}")]
    for box in graph["boxes"]:
        # One person may stand in two roles: each has a box of its own.
        name = f"{box['role']} {box['id']}"
        above = next((i.id for i in items if i.id == box["of"] or i.id.endswith(f" {box['of']}")), service)
        column[name] = column[above] + 1
        note = {"oncall": "on call", "parent": "team above"}.get(box["role"], box["role"])
        known = "" if box["known"] else " · unknown"
        items.append(Item(name, column[name], above, box["name"], note + known, "box" if box["known"] else "box dash"))
    return draw(items, ("Service", "Owned by", "Behind them", "Above"))


def _note(node: dict[str, Any]) -> str:
    what = {"direct": "direct", "downstream": "calls it"}.get(node["relation"], "possible")
    return f"{what} · {node['owner'] or 'nobody'}" if node["declared"] else f"{what} · not in the catalog"


def _box(item: Item, column: int, row: int, width: int) -> Box:
    fits = (width - 28) // CHARACTER
    place = Box(
        column * (width + GAP) + 1,
        TOP + row * ROW_HEIGHT,
        width,
        BOX_HEIGHT,
        item.title,
        item.note,
        item.style,
        item.link,
    )
    return replace(place, title=_clip(item.title, fits), note=_clip(item.note, fits + 3))


def _clip(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _curve(begin: Box, end: Box, dashed: bool) -> Curve:
    x, y = begin.x + begin.width, begin.y + begin.height // 2
    to_x, to_y = end.x, end.y + end.height // 2
    if to_x <= x:  # in the same column: around its right side
        bend = x + GAP - 8
        return Curve(f"M{x} {y}C{bend} {y} {bend} {to_y} {end.x + end.width} {to_y}", dashed)
    middle = (x + to_x) // 2
    return Curve(f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}", dashed)
