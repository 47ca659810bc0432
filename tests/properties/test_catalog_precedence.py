"""Whatever sources say and in whatever order their files come: per field the most trusted one that says something is
kept, every other value is listed, and no service, resource or dependency is lost."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.catalog.merging import merge
from gateway.catalog.sources.told import Told, ToldService
from schemas.catalog import SOURCES

FIELDS = ("owner", "tier", "oncall")
NAMES = st.sampled_from(("a", "b", "c"))
VALUES = st.sampled_from(("x", "y", ""))


@st.composite
def told(draw: st.DrawFn) -> list[ToldService]:
    """At most one telling of a service by each source, in any order."""
    pairs = draw(st.sets(st.tuples(NAMES, st.sampled_from(SOURCES)), min_size=1))
    out = []
    for name, source in draw(st.permutations(sorted(pairs))):
        fields = {field: value for field in FIELDS if (value := draw(VALUES))}
        uses = tuple(sorted(draw(st.sets(st.sampled_from(("a", "b", "gone"))))))
        out.append(
            ToldService(source, f"{source}.{name}", name, source, fields=fields, resources=(f"r/{name}",), uses=uses)
        )
    return out


@settings(max_examples=300, deadline=None)
@given(told())
def test_the_most_trusted_value_is_kept_and_the_others_are_listed(services: list[ToldService]) -> None:
    merged = merge(Told(services=services))
    assert [s.id for s in merged.services] == sorted({t.id for t in services})
    for service in merged.services:
        mine = sorted((t for t in services if t.id == service.id), key=lambda t: SOURCES.index(t.source))
        for field in FIELDS:
            said = [t.fields[field] for t in mine if field in t.fields]
            assert getattr(service, field) == (said[0] if said else "")
            listed = [c.other for c in merged.conflicts if (c.about, c.field) == (f"service {service.id}", field)]
            assert listed == sorted(set(said[1:]) - {said[0]} if said else set())
        assert service.depends_on == tuple(sorted({use for t in mine for use in t.uses}))
        assert service.resources == (f"r/{service.id}",)
    again = merge(Told(services=sorted(services, key=lambda t: (t.source, t.id))))
    assert again.services == merged.services
