"""A part that failed must not take the figures of the others with it, nor be silent."""

from __future__ import annotations

from pathlib import Path

from bench import goals, report, results
from bench.dedup import judged, ratios
from bench.figures import Json
from bench.load import Sent
from bench.peers.contenders import CONTENDERS


def test_a_parts_figures_are_merged_and_a_failure_is_said(tmp_path: Path):
    path = tmp_path / "RESULTS.json"
    good = {"date": "2026-11-22", "commit": "abc", "load_average": 0.1, "seconds": 3, "error": None}
    results.write(results.merged({}, "peers", {"ratios": {"quix": 4.5}}, good), path)
    results.write(results.merged(results.read(path), "chain", {}, good | {"error": "a broker\nwas away"}), path)
    found = results.read(path)
    assert found["ratios"] == {"quix": 4.5}
    page = report.markdown(found)
    assert "| 4.5 | ≥ 4.0 | met |" in page
    assert "`chain` failed: was away" in page


def test_a_contender_that_loses_or_doubles_an_id_is_found_out():
    sent = [Sent(0, b"k", b"12345" + bytes([n]) * 16) for n in (1, 2, 2, 3)]
    ids = [bytes([n]) * 16 for n in (1, 2, 3)]
    ours = next(c for c in CONTENDERS if c.name == "dedup")
    bare = next(c for c in CONTENDERS if c.name == "passthrough")
    none: set[bytes] = set()
    assert judged(ours, sent, none, ids) == {"distinct": 3, "lost": 0, "doubled": 0}
    assert judged(ours, sent, none, ids[:2]) == {"distinct": 2, "lost": 1, "doubled": 0}
    assert judged(ours, sent, none, [*ids, ids[1]]) == {"distinct": 3, "lost": 0, "doubled": 1}
    assert judged(bare, sent, none, [*ids, ids[1]]) == {"distinct": 3, "lost": 0, "doubled": 0}
    assert judged(bare, sent, none, ids)["doubled"] != 0


def test_who_drops_duplicates_must_drop_those_of_the_round_before():
    sent = [Sent(0, b"k", b"12345" + bytes([n]) * 16) for n in (1, 2, 3)]
    ids = [bytes([n]) * 16 for n in (1, 2, 3)]
    ours = next(c for c in CONTENDERS if c.name == "dedup")
    bare = next(c for c in CONTENDERS if c.name == "passthrough")
    assert judged(ours, sent, {ids[0]}, ids[1:]) == {"distinct": 2, "lost": 0, "doubled": 0}
    assert judged(ours, sent, {ids[0]}, ids)["doubled"] == 1
    assert judged(bare, sent, {ids[0]}, ids) == {"distinct": 3, "lost": 0, "doubled": 0}


def test_ratios_are_ours_by_the_passthroughs_and_the_others_by_ours():
    rows: list[Json] = [
        {"contender": "passthrough", "by_ours": 0.5},
        {"contender": "dedup", "by_passthrough": 2.0, "by_ours": 1.0},
        {"contender": "quix", "by_ours": 4.5},
        {"contender": "faust", "missing": "no wheel"},
    ]
    assert ratios(rows) == {"passthrough": 2.0, "quix": 4.5, "faust": None}


def test_every_goal_reads_its_figure_and_says_whether_it_is_met():
    latency = {"rate": 500, "accepted_to_page_ms": {"p50": 190.0, "p99": 700.0}}
    document: Json = {
        "ratios": {"kafka_streams": 1.3},
        "growth": {"hosted": [{"processes": n, "partitions": 4, "keys": 1_000, "cpu_us": 10.0 * n} for n in (1, 2)]},
        "latency": {"paged": [latency], "visible": [{"rate": 500, "failed": "no page"}]},
        "profiles": {"dedup": {"after": {"lines": [{"line": "face.py:98", "share": "5.6 %", "code": "x"}]}}},
    }
    lines = {line[0]: line[1:] for line in goals.lines(document)}
    assert lines["tuned Kafka Streams' CPU, by dedup's"] == ["≥ 1.3×", "1.3×", "met", ""]
    assert lines["CPU an event, 2 processes by 1"][1:3] == ["2.0×", "**not met**"]
    assert lines["accepted → paged at 500/s, p50"][1:3] == ["190.0 ms", "met"]
    assert lines["accepted → paged at 500/s, p99"][2] == "**not met**"
    assert lines["accepted → visible at 500/s, p50"][1:3] == ["–", "not measured"]
    missed = goals.lines(document | {"ratios": {"quix": 1.0}})
    assert "`face.py:98` 5.6 %" in next(line for line in missed if line[0].startswith("Quix"))[4]


def test_what_explains_a_shortfall_stands_in_the_readme():
    readme = (results.HERE / "README.md").read_text()
    assert not {goal.why for goal in goals.GOALS if goal.why and f"# {goal.why}\n" not in readme}
