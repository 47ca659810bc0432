"""The catalog: whose resource it is, who is near it, what is odd about it, and what its document may not say."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.catalog import Catalog, Service, Team
from schemas.configuration import DEFAULTS, canonical, parse_document
from schemas.errors import ConfigurationError


def catalog(**documents: Any) -> Catalog:
    found = parse_document("catalog", canonical(documents))
    assert isinstance(found, Catalog)
    return found


def chain(*pairs: tuple[str, str]) -> Catalog:
    """A catalog from (service, what it depends on); `a` depends on `b` and `c` by ("a", "b c")."""
    return Catalog(Service(name, depends_on=tuple(sorted(needs.split()))) for name, needs in pairs)


def test_an_unconfigured_tenant_has_an_empty_catalog() -> None:
    empty = DEFAULTS["catalog"]
    assert isinstance(empty, Catalog)
    assert empty.service("payments-service") is None
    assert empty.depends_on("a") == empty.dependents_of("a") == ()
    assert empty.downstream("a", 3) == ()


def test_a_resource_is_its_own_services_then_a_declared_names_then_the_longest_prefixs() -> None:
    found = catalog(
        services=[
            {"id": "a", "resources": ["prod/*", "prod/db"]},
            {"id": "b", "resources": ["prod/db/*", "prod/db/main/*"]},
            {"id": "prod/x"},
            {"id": "c", "resources": ["prod/db/c"]},
        ]
    )
    whose = {
        "a": "a",
        "prod/x": "prod/x",
        "prod/y": "a",
        "prod/db": "a",
        "prod/db/": "b",
        "prod/db/a": "b",
        "prod/db/c": "c",
        "prod/db/main/t": "b",
        "prod/db0": "a",
        "prod/z/last": "a",
        "prod": None,
        "zzz": None,
        "": None,
    }
    assert {name: getattr(found.service(name), "id", None) for name in whose} == whose


def test_a_walk_is_breadth_first_by_name_and_says_what_it_cut() -> None:
    found = chain(("b", "a"), ("c", "a"), ("d", "b c"), ("e", "d"), ("a", "z"))
    assert found.downstream("a", 9) == (("b", 1), ("c", 1), ("d", 2), ("e", 3))
    assert found.downstream("a", 1) == (("b", 1), ("c", 1))
    assert found.upstream("e", 9) == (("d", 1), ("b", 2), ("c", 2), ("a", 3), ("z", 4))
    cut = found.reach(("a",), 9, 3, "downstream")
    assert (cut.found, cut.cut) == ((("b", 1), ("c", 1), ("d", 2)), 1)
    assert found.dependents_of("z") == ("a",), "also of what nobody declared"


def test_circles_and_unknown_names_are_told() -> None:
    found = chain(("a", "b"), ("b", "c"), ("c", "a"), ("d", "d a"), ("e", "gone a"))
    assert found.cycles() == (("a", "b", "c"), ("d",))
    assert found.downstream("a", 9) == (("c", 1), ("d", 1), ("e", 1), ("b", 2))
    assert found.unknown() == (("e", "gone"),)
    owned = Catalog([Service("a", owner="t"), Service("b", owner="u"), Service("c")], [Team("t")])
    assert owned.unowned() == (("b", "u"), ("c", ""))


def test_a_chain_of_all_services_is_no_recursion() -> None:
    found = chain(*((f"s{i:05}", f"s{(i + 1) % 5000:05}") for i in range(5000)))
    assert [len(circle) for circle in found.cycles()] == [5000]
    assert len(found.downstream("s00000", 9999)) == 500


def test_the_same_bytes_are_read_once() -> None:
    plain = {"services": [{"id": "a"}]}
    first = catalog(**plain)
    assert catalog(**plain) is first


@pytest.mark.parametrize(
    ("documents", "place"),
    [
        ({"services": [{}]}, "catalog.services.0.id"),
        ({"services": [{"id": ""}]}, "catalog.services.0.id"),
        ({"services": [{"id": "a\n"}]}, "catalog.services.0.id"),
        ({"services": [{"id": "a"}, {"id": "a"}]}, "catalog.services"),
        ({"services": [{"id": "a", "ownr": "x"}]}, "catalog.services.0.ownr"),
        ({"services": [{"id": "a", "resources": ["*"]}]}, "catalog.services.0.resources"),
        ({"services": [{"id": "a", "resources": ["x", "x"]}]}, "catalog.services.0.resources"),
        (
            {"services": [{"id": "a", "resources": ["x"]}, {"id": "b", "resources": ["x"]}]},
            "catalog.services: resources",
        ),
        ({"services": [{"id": "a", "depends_on": "b"}]}, "catalog.services.0.depends_on"),
        ({"services": [{"id": "a", "depends_on": [""]}]}, "catalog.services.0.depends_on.0"),
        ({"services": [{"id": "a", "sources": ["hearsay:b"]}]}, "catalog.services.0.sources"),
        ({"services": [{"id": "a", "metadata": {"k": "x" * 257}}]}, "catalog.services.0.metadata"),
        ({"services": [{"id": "a", "depends_on": [f"d{i}" for i in range(257)]}]}, "catalog.services.0.depends_on"),
        ({"services": [{"id": f"s{i}"} for i in range(10_001)]}, "catalog.services"),
        ({"teams": [{"id": "t"}], "people": [{"id": "t"}]}, "catalog.teams and catalog.people"),
        ({"service": []}, "catalog.service"),
    ],
)
def test_a_bad_catalog_is_refused_with_its_place(documents: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        catalog(**documents)
    assert (raised.value.code, raised.value.field) == ("configuration_invalid", place)


def test_too_many_dependencies_are_refused_as_a_whole() -> None:
    needs = [f"d{i}" for i in range(256)]
    with pytest.raises(ConfigurationError, match="50176 dependencies"):
        catalog(services=[{"id": f"s{i}", "depends_on": needs} for i in range(196)])
