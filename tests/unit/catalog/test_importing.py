"""Four sources become one catalog: what each says, who is believed, and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.catalog.importing import Given, Imported, Options, import_files
from gateway.catalog.sources import codeowners
from schemas.catalog import Service
from schemas.errors import ConfigurationError

FILES = Path(__file__).parent / "files"


def given(*names: str) -> list[Given]:
    return [Given(name, (FILES / name).read_bytes()) for name in names]


def text(content: str, name: str = "f.yaml") -> list[Given]:
    return [Given(name, content.encode())]


def service(found: Imported, name: str) -> Service:
    out = found.catalog.get(name)
    assert out is not None, [s.id for s in found.catalog.services]
    return out


def test_backstage_entities_with_references_of_every_form() -> None:
    found = import_files(given("catalog-info.yaml"))
    payments = service(found, "payments")
    assert (payments.kind, payments.name, payments.owner, payments.system, payments.oncall) == (
        *("service", "Payments Service", "payments-team", "shop"),
        "pagerduty:PPAY01",
    )
    assert payments.depends_on == ("payments-db", "user-service")
    assert service(found, "payments-api").depends_on == ("payments",), "who provides an API carries it"
    assert service(found, "billing").depends_on == ("payments-api", "payments-db", "vanished")
    assert (service(found, "payments-db").kind, service(found, "user-service").owner) == ("resource", "erin")
    team = found.catalog.team("payments-team")
    assert team is not None
    assert (team.name, team.parent, team.members) == ("Payments", "engineering", ("alice", "bob"))
    report = found.report()
    assert report["unknown_dependencies"] == [{"service": "billing", "depends_on": "vanished"}]
    assert report["unknown_owners"] == [{"service": "billing", "owner": "ghosts"}]
    assert report["cycles"] == [["payments", "user-service"]]
    assert report["skipped"] == {"location": 1}
    assert report["conflicts"] == []


def test_kubernetes_objects_of_one_name_are_one_service_and_of_two_namespaces_two() -> None:
    found = import_files(given("cluster.json"))
    assert [s.id for s in found.catalog.services] == ["ledger", "payments-api", "staging/ledger"]
    api = service(found, "payments-api")
    assert (api.owner, api.system, api.depends_on) == ("platform", "money", ("ledger", "payments-db"))
    assert api.resources == (
        "payments/deployment/payments-api",
        "payments/payments-api",
        "payments/service/payments-api",
    )
    assert service(found, "ledger").owner == "dba"
    assert found.skipped == {"ConfigMap": 1}


def test_the_seeds_service_is_one_with_its_component_and_its_deployment() -> None:
    found = import_files(given("cluster.json", "catalog-info.yaml", "services.yaml", "CODEOWNERS"))
    assert found.catalog.get("payments") is None
    payments = service(found, "payments-service")
    assert (payments.owner, payments.primary, payments.oncall, payments.tier, payments.system) == (
        *("payments-team", "alice", "pagerduty:payments-oncall"),
        *("critical", "shop"),
    )
    assert (payments.metadata["pci"], payments.metadata["sla"]) == ("true", "99.9%")
    assert payments.depends_on == ("ledger", "payments-db", "user-service")
    assert "payments/payments-api" in payments.resources
    assert service(found, "user-service").depends_on == ("payments-service",)
    assert {c.split(":")[0] for c in payments.sources} == {"manual", "backstage", "github", "kubernetes"}
    about = [(c.field, c.kept, c.other) for c in found.conflicts if c.about == "service payments-service"]
    assert about == [
        ("owner", "payments-team", "money-team"),
        ("owner", "payments-team", "platform"),
        ("system", "shop", "money"),
        ("oncall", "pagerduty:payments-oncall", "pagerduty:PPAY01"),
    ]
    first = found.conflicts[0]
    assert (first.kept_from, first.other_from) == ("manual, services.yaml:2 service", "github, CODEOWNERS:4")
    team = found.catalog.team("payments-team")
    assert team is not None
    assert (team.lead, team.backup, team.members) == ("dave", "carol", ("alice", "bob"))


def test_codeowners_the_last_pattern_that_matches_wins() -> None:
    rules = codeowners.read((FILES / "CODEOWNERS").read_bytes(), "CODEOWNERS")
    whose = {
        "README.md": ("@company/platform",),
        "db/1.sql": ("@company/dba",),
        "services/payments/app.py": ("@company/money-team", "@bob"),
        "services/payments/legacy/x.py": (),
        "services/search/a/b.py": ("search@company.example",),
        "other/services/search/b": ("@company/platform",),
        "docs/a.md": ("@writer",),
        "docs/a/b.md": ("@company/platform",),
        "x/docs/a.md": ("@company/platform",),
    }
    found = {path: rule.owners for path in whose if (rule := codeowners.owners_of(rules, path))}
    assert found == whose


def test_a_folder_may_be_given_by_hand() -> None:
    files = [*text("services: [{id: search}, {id: pay}]"), *given("CODEOWNERS")]
    found = import_files(files, Options(folders={"services/search/": "search", "/services/payments": "pay"}))
    assert (service(found, "search").owner, service(found, "pay").owner) == ("search", "money-team")


def test_what_is_exported_is_imported_as_it_was() -> None:
    found = import_files(given("cluster.json", "catalog-info.yaml", "services.yaml", "CODEOWNERS"))
    again = import_files(text(yaml.safe_dump(dict(found.document))))
    assert again.catalog == found.catalog
    assert again.conflicts == ()


def test_a_component_and_an_api_of_one_name_are_two() -> None:
    entity = "apiVersion: backstage.io/v1alpha1\nkind: {}\nmetadata: {{name: a}}\nspec: {}\n"
    files = text(entity.format("API", "{}") + "---\n" + entity.format("Component", "{providesApis: [a]}"))
    found = import_files(files)
    assert [(s.id, s.kind, s.depends_on) for s in found.catalog.services] == [
        ("a", "api", ("component:a",)),
        ("component:a", "service", ()),
    ]


def bomb() -> str:
    lines = ['a0: &a0 ["x","x","x","x","x","x","x","x","x","x"]']
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join(lines)


BACKSTAGE = "apiVersion: backstage.io/v1alpha1\n"


@pytest.mark.parametrize(
    ("content", "code", "where"),
    [
        ("a: ]", "catalog_syntax", "f.yaml:1"),
        ("service: {id: a}\n---\nb: {]\n", "catalog_syntax", "f.yaml:3"),
        ("- 1\n- 2\n", "catalog_unrecognised", "f.yaml:1"),
        ("\n\nhello: world\n", "catalog_unrecognised", "f.yaml:3"),
        ("", "catalog_empty", "f.yaml"),
        (bomb(), "catalog_too_large", "f.yaml:1"),
        ("a: &a [*a]", "catalog_syntax", "f.yaml:1"),
        ("service: " + "[" * 60 + "]" * 60, "catalog_too_large", "f.yaml:1"),
        ("service: {id: a, ownr: b}", "catalog_malformed", "f.yaml:1 service"),
        ("service: {id: a, sources: [{type: hearsay}]}", "catalog_malformed", "f.yaml:1 service"),
        ("service: {name: a}", "catalog_malformed", "f.yaml:1 service"),
        ("service: {id: a, dependencies: b}", "catalog_malformed", "f.yaml:1 service"),
        ("service: !!python/object/apply:os.system [x]", "catalog_syntax", "f.yaml:1"),
        (BACKSTAGE + "kind: Component\nmetadata: {}\n", "catalog_malformed", "f.yaml:1"),
        (BACKSTAGE + "kind: Widget\nmetadata: {name: a}\n", "catalog_malformed", "f.yaml:1"),
        (
            BACKSTAGE + "kind: Component\nmetadata: {name: a}\nspec: {dependsOn: ['a b']}\n",
            "catalog_reference_malformed",
            "f.yaml:1",
        ),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\n", "catalog_malformed", "f.yaml:1"),
        ("apiVersion: v1\nkind: List\nitems: [1]\n", "catalog_malformed", "f.yaml:1 items[0]"),
        ("service: {id: a, resources: ['*']}", "configuration_invalid", "the whole: catalog.services.0.resources"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_and_line(content: str, code: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        import_files(text(content))
    assert (raised.value.code, raised.value.what) == (code, where)
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("content", "where"), [("a b", "CODEOWNERS:1"), ("\n!x @a", "CODEOWNERS:2"), ("[a] @a", "CODEOWNERS:1")]
)
def test_a_bad_codeowners_is_refused_at_its_line(content: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        import_files(text(content, "CODEOWNERS"))
    assert (raised.value.code, raised.value.what) == ("catalog_syntax", where)


def test_bytes_that_are_no_text_and_json_that_is_none() -> None:
    for raw, name, code in (
        (b"\xff\xfe", "f.yaml", "catalog_not_text"),
        (b"{", "f.json", "catalog_syntax"),
        (b"[" * 100_000, "f.json", "catalog_too_large"),
    ):
        with pytest.raises(ConfigurationError) as raised:
            import_files([Given(name, raw)])
        assert raised.value.code == code
