"""A broken schema for each rule of evolution (seed 3.2), and what each rule leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from schemas import evolution, registry
from schemas.compatibility import RULES, broken_by
from schemas.evolution import Report, check
from schemas.registry import Kept, fingerprint

ENUM = {"type": "enum", "name": "OrderKind", "symbols": ["new", "used"]}
FIRST: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "mandate.shop",
    "fields": [
        {"name": "id", "type": {"type": "fixed", "name": "Id", "size": 16}},
        {"name": "kind", "type": ENUM},
        {"name": "count", "type": "int"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "parent", "type": ["null", "Id"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": {"type": "record", "name": "Line", "fields": []}}},
        {"name": "more", "type": {"type": "map", "values": "long"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
FIRST["fields"][5]["type"]["items"]["fields"] = [{"name": "text", "type": "string"}]
Change = Callable[[dict[str, Any]], object]


def changed(change: Change, of: dict[str, Any] = FIRST) -> dict[str, Any]:
    later = deepcopy(of)
    change(later)
    return later


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(f for f in schema["fields"] if f["name"] == name)
    return found


def add(name: str, kind: Any, **more: Any) -> Change:
    return lambda s: s["fields"].append({"name": name, "type": kind} | more)


def set_type(name: str, kind: Any) -> Change:
    return lambda s: field(s, name).update(type=kind)


def line(s: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = field(s, "lines")["type"]["items"]["fields"]
    return found


GROWN = {"type": "enum", "name": "OrderKind", "symbols": ["new", "used", "lost"]}

BREAKS: list[tuple[str, str, Change]] = [
    ("schema_renamed", "", lambda s: s.update(name="Purchase")),
    ("schema_renamed", "", lambda s: s.update(namespace="mandate.store")),
    ("schema_renamed", "kind", set_type("kind", ENUM | {"name": "Kind"})),
    ("schema_renamed", "lines[]", lambda s: field(s, "lines")["type"]["items"].update(name="Row")),
    ("schema_field_removed", "note", lambda s: s["fields"].pop(3)),
    ("schema_field_removed", "lines[].text", lambda s: line(s).clear()),
    ("schema_field_renamed", "note", lambda s: field(s, "note").update(name="remark")),
    (
        "schema_field_renamed",
        "count",
        lambda s: (s["fields"].pop(2), add("number", "int", aliases=["count"], default=0)(s)),
    ),
    ("schema_field_without_default", "more_notes", add("more_notes", "string")),
    ("schema_field_without_default", "lines[].price", lambda s: line(s).append({"name": "price", "type": "long"})),
    ("schema_field_moved", "id", lambda s: s["fields"].reverse()),
    ("schema_field_moved", "note", lambda s: s["fields"].insert(3, {"name": "x", "type": "int", "default": 0})),
    ("schema_default_changed", "note", lambda s: field(s, "note").pop("default")),
    ("schema_type_changed", "count", set_type("count", "string")),
    ("schema_type_changed", "count", set_type("count", ["null", "int"])),
    ("schema_type_changed", "note", set_type("note", ["null", "string", "long"])),
    ("schema_type_changed", "note", set_type("note", ["string", "null"])),
    ("schema_type_changed", "note", set_type("note", "string")),
    ("schema_type_changed", "id", set_type("id", {"type": "fixed", "name": "Id", "size": 8})),
    ("schema_type_changed", "more[]", set_type("more", {"type": "map", "values": "string"})),
    ("schema_type_changed", "at", set_type("at", "long")),
    ("schema_type_promoted", "count", set_type("count", "long")),
    ("schema_type_promoted", "lines[].text", lambda s: line(s)[0].update(type="bytes")),
    ("schema_enum_symbol_removed", "kind", set_type("kind", ENUM | {"symbols": ["new"]})),
    ("schema_enum_without_default", "kind", set_type("kind", GROWN)),
]
KEEPS: list[Change] = [
    add("tool", ["null", "string"], default=None),
    add("tool", {"type": "record", "name": "Tool", "fields": [{"name": "n", "type": "string"}]}, default={"n": ""}),
    set_type("kind", GROWN | {"default": "used"}),
    set_type("kind", ENUM | {"default": "used"}),
    lambda s: line(s).append({"name": "price", "type": "long", "default": 0}),
    lambda s: s.update(doc="what it means, better said"),
    set_type("count", {"type": "int"}),
]


@pytest.mark.parametrize(("code", "path", "change"), BREAKS)
def test_a_minor_that_breaks_a_rule_is_named_with_its_place(code: str, path: str, change: Change) -> None:
    found = [(b.code, b.path) for b in broken_by(FIRST, changed(change))]
    assert (code, path) in found
    assert {c for c, _ in found} == {code}


@pytest.mark.parametrize("change", KEEPS)
def test_a_minor_that_only_adds_breaks_none(change: Change) -> None:
    assert broken_by(FIRST, changed(change)) == ()


def test_every_rule_is_broken_by_some_test() -> None:
    assert {code for code, _, _ in BREAKS} == set(RULES)


@pytest.mark.parametrize(("code", "path", "change"), BREAKS)
def test_a_major_may_do_what_an_upcaster_can_undo(code: str, path: str, change: Change) -> None:
    found = {b.code for b in broken_by(FIRST, changed(change), major=True)}
    assert found == (set() if RULES[code].in_major else {code})


def test_a_schema_that_names_itself_is_compared_once() -> None:
    tree = deepcopy(FIRST)
    add("children", {"type": "array", "items": "Order"}, default=[])(tree)
    assert broken_by(tree, changed(add("x", "int", default=0), tree)) == ()
    assert [b.code for b in broken_by(tree, changed(add("x", "int"), tree))] == ["schema_field_without_default"]


# --- the folder and the ids ------------------------------------------------------------------------------------------


def kept(**versions: dict[str, Any]) -> list[Kept]:
    """v1_0=schema, …"""
    return [Kept("shop", "Order", v[1:].replace("_", "."), json.dumps(text)) for v, text in versions.items()]


def locked(files: list[Kept], first: int = 7) -> str:
    return json.dumps({"ids": {fingerprint(json.loads(f.text)): first + i for i, f in enumerate(files)}})


def checked(files: list[Kept], **given: Any) -> Report:
    lock = given.pop("lock", None) or locked(files)
    return check(files, lock, **({"lifted": {}} | given))


def codes(report: Report) -> list[str]:
    return [violation.code for violation in report.violations]


SECOND = changed(add("tool", ["null", "string"], default=None))


def test_versions_that_only_add_are_well() -> None:
    report = checked(kept(v1_0=FIRST, v1_1=SECOND))
    assert (report.schemas, report.versions, report.violations, report.notes) == (1, 2, (), ())


def test_each_version_is_held_against_every_earlier_one_not_only_the_last() -> None:
    third = changed(lambda s: field(s, "tool").update(default="x", type=["string", "null"]), SECOND)
    back = changed(add("count2", "int", default=1))
    report = checked(kept(v1_0=FIRST, v1_1=SECOND, v1_2=third, v1_3=back))
    assert [(v.code, v.version, v.against, v.path) for v in report.violations] == [
        ("schema_type_changed", "1.2", "1.1", "tool"),
        ("schema_default_changed", "1.2", "1.1", "tool"),
        ("schema_field_removed", "1.3", "1.1", "tool"),
        ("schema_field_removed", "1.3", "1.2", "tool"),
    ]
    first = report.violations[0]
    assert first.what == "shop/Order 1.2 after 1.1 at tool"
    assert first.why.startswith("null | string has become string | null; ")
    assert first.remedy
    assert first.plain()["what"] == first.what


GONE = changed(lambda s: s["fields"].pop(3))
LIFTED = {("shop", "Order"): (1, 2, 3)}


def test_a_field_is_kept_in_the_major_after_and_may_be_gone_in_the_second() -> None:
    early = checked(kept(v1_0=FIRST, v2_0=GONE), lifted={("shop", "Order"): (1,)})
    assert [(v.code, v.version, v.against, v.path) for v in early.violations] == [
        ("schema_field_removed", "2.0", "1.0", "note")
    ]
    assert codes(checked(kept(v1_0=FIRST, v2_0=SECOND, v3_0=GONE), lifted={("shop", "Order"): (1, 2)})) == [
        "schema_field_removed"
    ]
    old = changed(add("note2", "int"), GONE)
    second = changed(add("note2", "int"), FIRST)
    assert codes(checked(kept(v1_0=FIRST, v2_0=second, v3_0=old), lifted={("shop", "Order"): (1, 2)})) == []
    assert codes(checked(kept(v1_0=FIRST, v2_0=second, v3_0=old, v4_0=old), lifted=LIFTED)) == []


def test_a_type_never_changes_under_its_name_not_even_over_majors() -> None:
    other = changed(set_type("note", ["null", "long"]))
    report = checked(kept(v1_0=FIRST, v2_0=changed(add("x", "int")), v3_0=other), lifted={("shop", "Order"): (1, 2)})
    assert [(v.version, v.against, v.path) for v in report.violations if v.code == "schema_type_changed"] == [
        ("3.0", "1.0", "note"),
        ("3.0", "2.0", "note"),
    ]


def test_a_new_major_needs_its_upcaster_and_an_upcaster_its_major() -> None:
    second = changed(set_type("count", "long"))
    assert codes(checked(kept(v1_0=FIRST, v2_0=second))) == ["schema_upcaster_missing"]
    assert codes(checked(kept(v1_0=FIRST), lifted={("shop", "Order"): (1,)})) == ["schema_upcaster_unknown"]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (kept(v1_1=SECOND), "schema_version_missing"),
        (kept(v1_0=FIRST, v1_2=SECOND), "schema_version_missing"),
        (kept(v2_0=FIRST), "schema_version_missing"),
        (kept(v1_0=FIRST, v1_1=FIRST | {"doc": "other words"}), "schema_version_unchanged"),
        ([Kept("shop", "Order", "one", json.dumps(FIRST))], "schema_version_malformed"),
        ([Kept("shop", "Order", "01.0", json.dumps(FIRST))], "schema_version_malformed"),
        ([Kept("shop", "Order", "1.0", "{")], "schema_not_avro"),
        ([Kept("shop", "Order", "1.0", '{"type": "record", "name": "Order"}')], "schema_not_avro"),
        ([Kept("shop", "Order", "1.0", '"long"')], "schema_not_avro"),
        ([Kept("shop", "Bill", "1.0", json.dumps(FIRST))], "schema_misplaced"),
        ([Kept("store", "Order", "1.0", json.dumps(FIRST))], "schema_misplaced"),
    ],
)
def test_a_folder_that_is_not_in_order_is_named(files: list[Kept], code: str) -> None:
    whole = json.dumps({"ids": {fingerprint(FIRST): 7, fingerprint(SECOND): 8}})
    assert code in codes(checked(files, lock=whole))


@pytest.mark.parametrize("lock", ["{", "[]", "{}", '{"ids": {"a": "1"}}', '{"ids": {"a": true}}', '{"ids": {"a": 0}}'])
def test_a_lock_that_is_none_is_named(lock: str) -> None:
    assert codes(checked(kept(v1_0=FIRST), lock=lock)) == ["schema_lock_malformed", "schema_not_locked"]


def test_a_file_without_an_id_is_new_or_was_changed() -> None:
    files = kept(v1_0=FIRST, v1_1=SECOND)
    assert codes(checked(files, lock=locked(files[:1]))) == ["schema_not_locked"]


def test_a_written_file_must_not_be_changed() -> None:
    before = locked(kept(v1_0=FIRST))
    assert codes(checked(kept(v1_0=SECOND), lock=before)) == ["schema_not_locked", "schema_file_missing"]


def test_a_written_file_must_not_go_away() -> None:
    files = kept(v1_0=FIRST, v1_1=SECOND)
    assert codes(checked(files[:1], lock=locked(files))) == ["schema_file_missing"]


def test_two_schemas_never_share_an_id() -> None:
    lock = json.dumps({"ids": {fingerprint(FIRST): 7, fingerprint(SECOND): 7}})
    assert codes(checked(kept(v1_0=FIRST, v1_1=SECOND), lock=lock)) == ["schema_id_twice"]


def test_ids_that_an_earlier_commit_gave_stay() -> None:
    files = kept(v1_0=FIRST, v1_1=SECOND)
    assert codes(checked(files, earlier_lock=locked(files[:1]))) == []
    moved = checked(files, lock=locked(files, first=8), earlier_lock=locked(files[:1]))
    assert [(v.code, v.schema) for v in moved.violations] == [("schema_id_changed", "id 7")]
    assert codes(checked(files[:1], earlier_lock=locked(files))) == ["schema_id_changed"]


def test_a_class_that_has_moved_on_from_its_newest_file_is_named() -> None:
    today = {("shop", "Order"): fingerprint(SECOND)}
    assert codes(checked(kept(v1_0=FIRST, v1_1=SECOND), today=today)) == []
    assert codes(checked(kept(v1_0=FIRST), today=today)) == ["schema_class_changed"]
    assert codes(checked([], today=today)) == ["schema_version_missing"]


def test_an_enum_that_grows_without_a_default_before_is_noted_for_its_old_readers() -> None:
    third = changed(set_type("kind", GROWN | {"default": "used"}))
    report = checked(kept(v1_0=FIRST, v1_1=third))
    assert report.violations == ()
    assert [n.split(";")[1] for n in report.notes] == [" update them before the first writer"]
    with_default = changed(set_type("kind", ENUM | {"default": "new"}))
    assert checked(kept(v1_0=with_default, v1_1=third)).notes == ()


def test_our_own_schemas_are_in_order() -> None:
    report = evolution.check(registry.kept(), registry.LOCK.read_text(), lifted={})
    assert report.violations == ()
    assert report.versions == len(registry.by_id())
