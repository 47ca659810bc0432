"""One map: topology.yaml equals the code, the chart, the documents. No second list anywhere."""

from __future__ import annotations

from pathlib import Path

import yaml

from processors.rooms import DECIDERS
from schemas import topology
from schemas.configuration import DEFAULTS, DERIVED

ROOT = Path(__file__).parents[2]
MAP = topology.load(ROOT / "topology.yaml")
VALUES = yaml.safe_load((ROOT / "helm" / "values.yaml").read_text())


def test_the_processors_of_the_map_are_those_of_the_code() -> None:
    assert list(DECIDERS) == list(MAP.rooms)
    assert all(name == decider.name for name, decider in DECIDERS.items())


def test_every_folder_of_a_processor_and_a_read_model_is_on_the_map() -> None:
    rooms = {p.parent.name for p in (ROOT / "processors").glob("*/decide.py")}
    assert rooms == set(MAP.rooms)
    projections = {p.parent.name for p in (ROOT / "projections").glob("*/project.py")}
    assert projections == set(MAP.projections)


def test_every_document_that_is_announced_exists_and_every_document_is_read() -> None:
    read = {d for room in MAP.rooms.values() for d in room.documents} | set(MAP.relay.documents)
    read |= {d for projection in MAP.projections.values() for d in projection.documents}
    # What is made of another document is announced in its place.
    assert read | {DERIVED[name] for name in read if name in DERIVED} == set(DEFAULTS)


def test_the_chart_deploys_what_the_map_says() -> None:
    for name, deployable in MAP.deployables.items():
        if deployable.each is None:
            assert VALUES[name]["replicas"] == deployable.replicas
            continue
        table = MAP.rooms if deployable.each == "processors" else MAP.projections
        assert VALUES[deployable.each] == {unit: {"replicas": deployable.replicas} for unit in table}


def test_the_chart_carries_the_same_map() -> None:
    assert (ROOT / "helm" / "topology.yaml").read_bytes() == (ROOT / "topology.yaml").read_bytes(), (
        "run: cp topology.yaml helm/topology.yaml"
    )


def test_the_drawing_in_the_docs_is_that_of_the_map() -> None:
    drawing = f"```mermaid\n{topology.drawing(MAP)}```"
    for page in ("README.md", "docs/topology.md"):
        assert drawing in (ROOT / page).read_text(), f"{page}: paste `mandate topology show`"


def test_the_commands_of_the_chart_are_those_of_the_map() -> None:
    templates = "\n".join(p.read_text() for p in sorted((ROOT / "helm" / "templates").iterdir()))
    for deployable in MAP.deployables.values():
        words = " ".join(f'"{w}"' for w in deployable.command)
        if deployable.each is None:
            assert words in templates
