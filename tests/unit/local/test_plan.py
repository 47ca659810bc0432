"""The table of processes: its names come from the map, its settings reach each process, no password is shown."""

from hashlib import sha256
from pathlib import Path

import pytest

from gateway.local.paths import CHECKOUT, Home
from gateway.local.plan import Plan, build
from schemas import topology

# With all servers given by somebody else the plan starts none, so this is a calculation.
GIVEN = {
    "MANDATE_KAFKA": "broker:9092",
    "MANDATE_POSTGRES": "postgresql://me:secret@database:5433/mandate",
    "MANDATE_REDIS": "redis://:secret@cache:6380/0",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(CHECKOUT, tmp_path, tmp_path / "cache", CHECKOUT / "topology.yaml")


def plan(home: Home, separate: bool = False) -> Plan:
    return build(home, separate, GIVEN)


def names(found: Plan) -> list[str]:
    return [spec.name for spec in found.specs if not spec.once]


def test_one_process_of_each_kind(home: Home) -> None:
    expected = ["postgres", "redis", "kafka", "processors", "projections", "effects", "gateway"]
    assert sorted(names(plan(home))) == sorted(expected)


def test_separate_gives_every_declared_processor_and_read_model_its_own(home: Home) -> None:
    declared = topology.load(home.topology)
    found = names(plan(home, separate=True))
    assert {name for name in found if name.startswith("processor-")} == {f"processor-{x}" for x in declared.rooms}
    assert {name for name in found if name.startswith("projection-")} == {
        f"projection-{x}" for x in declared.projections
    }
    assert {"effects", "gateway"} <= set(found)


def test_every_declared_processor_and_read_model_is_run_by_some_process(home: Home) -> None:
    declared = topology.load(home.topology)
    for separate in (False, True):
        arguments = [spec.argv[3].split(",") for spec in plan(home, separate).specs if len(spec.argv) > 3]
        run = {name for group in arguments for name in group}
        assert set(declared.rooms) | set(declared.projections) | {"effects"} <= run


def test_each_process_gets_the_settings_of_the_contract(home: Home) -> None:
    specs = {spec.name: spec for spec in plan(home).specs}
    for name in ("processors", "projections", "effects", "gateway"):
        env = specs[name].env
        assert env["MANDATE_KAFKA"] == "broker:9092"
        assert env["MANDATE_TOPOLOGY"] == str(home.topology)
        assert env["MANDATE_HTTP"] == specs[name].address
        assert env["PYTHONDONTWRITEBYTECODE"] == "", "a restart would translate every source again"
    for name in ("projections", "effects", "gateway"):
        assert specs[name].env["MANDATE_POSTGRES"] == GIVEN["MANDATE_POSTGRES"]
    assert specs["effects"].env["MANDATE_LINK_BASE"] == f"http://{specs['gateway'].address}"
    token = home.operator_token_file.read_text()
    assert specs["gateway"].env["MANDATE_OPERATOR_TOKEN_SHA256"] == sha256(token.encode()).hexdigest()
    assert home.operator_token_file.stat().st_mode & 0o777 == 0o600
    assert "MANDATE_POSTGRES" not in specs["processors"].env, "what decides has no database"


def test_given_servers_are_watched_and_never_started_and_their_passwords_not_shown(home: Home) -> None:
    specs = {spec.name: spec for spec in plan(home).specs}
    assert [specs[name].external for name in ("kafka", "postgres", "redis")] == [True, True, True]
    assert [specs[name].address for name in ("postgres", "redis")] == ["database:5433", "cache:6380"]
    assert not any("secret" in " ".join(spec.argv) + spec.address for spec in specs.values())


def test_whoever_is_needed_exists_and_comes_first(home: Home) -> None:
    for separate in (False, True):
        seen: set[str] = set()
        for spec in plan(home, separate).specs:
            assert set(spec.needs) <= seen, f"{spec.name} is started before what it needs"
            seen.add(spec.name)
