"""What commands read from files and options, and how they speak: data on stdout, messages on stderr, stable
codes."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import click
import pytest
from click.testing import CliRunner

from gateway.cli import access, main, output
from gateway.cli.client import Client, ClientError, Refused, Sent, Unreachable
from gateway.cli.reading import condensed, describe
from gateway.cli.send import _send, parse_actions, send
from gateway.client import Receipt
from schemas.errors import MandateError


@pytest.mark.parametrize(
    "text",
    [
        '{"actor":"a"}',
        '[{"actor":"a"}]',
        '{"actions":[{"actor":"a"}]}',
        '{"actor":"a"}\n\n',
    ],
)
def test_one_action_in_every_form(text):
    assert parse_actions(text, "f") == [{"actor": "a"}]


def test_lines_are_many_actions_and_a_broken_one_is_named():
    assert parse_actions('{"a":1}\n{"a":2}\n', "f") == [{"a": 1}, {"a": 2}]
    with pytest.raises(ClientError) as caught:
        parse_actions('{"a":1}\n{"a":\n', "f")
    assert (caught.value.code, caught.value.what) == ("not_actions", "f:2")


@pytest.mark.parametrize("text", ["", "[]", "[1]", "17", '"x"'])
def test_what_holds_no_actions_is_refused(text):
    with pytest.raises(ClientError):
        parse_actions(text, "f")


class Warning_:
    """A gateway that takes everything and knows no `sesion`."""

    async def send(self, actions, *, key=None):
        sent = Sent()
        for i in range(len(actions)):
            sent.receipts[i] = Receipt(f"id-{i}", "actions.raw", 0, i)
            sent.warnings[i] = [{"code": "field_unknown", "field": f"actions[{i}].sesion", "detail": "it was not used"}]
        return sent


@pytest.mark.parametrize(("count", "more"), [(1, ""), (501, "491 more warnings")])
def test_warnings_of_receipts_are_told_with_the_action_and_its_field(capsys, count, more):
    actions = [{"actor": "a"}] * count
    assert asyncio.run(_send(cast(Client, Warning_()), actions, None, output.ReceiptFile(None), False)) == 0
    said = capsys.readouterr()
    assert said.out.count("actions.raw") == count
    assert "warning[field_unknown]: action 0 (sesion): it was not used" in said.err
    assert said.err.count("warning[") == min(count, 10)
    assert more in said.err
    assert asyncio.run(_send(cast(Client, Warning_()), actions, None, output.ReceiptFile(None), True)) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["accepted"], len(shown["warnings"])) == (count, count)
    last = {"index": count - 1, "code": "field_unknown", "field": "sesion", "detail": "it was not used"}
    assert shown["warnings"][-1] == last


def test_send_without_a_file_names_what_is_missing():
    done = CliRunner().invoke(send, ["--actor", "a"])
    assert done.exit_code == 2
    assert "--type, --resource missing" in done.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unreachable("gateway_unreachable", "w", "y", "r"), 3),
        (MandateError("broker_silent", "w", "y", "r"), 3),
        (Refused(401, {}), 4),
        (Refused(403, {"code": "forbidden"}), 4),
        (access.AccessError("token_missing", "w", "y", "r"), 4),
        (Refused(409, {"code": "already_resolved"}), 1),
        (MandateError("anything", "w", "y", "r"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code, capsys):
    assert output.fail(error) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error[{error.code}]: ")
    assert output.fail(error, as_json=True) == code
    assert json.loads(capsys.readouterr().err)["code"] == error.code


def test_a_table_has_titles_and_marks_what_is_not_there(capsys):
    output.table([{"a": 1, "b": None}, {"a": [1, 2], "b": True}], {"first": "a", "second": "b"}, "nothing")
    assert capsys.readouterr().out == "first  second\n1      -\n1,2    yes\n"
    output.table([], {"first": "a"}, "nothing")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "nothing\n")


def test_a_bar_is_drawn_only_where_a_person_looks(capsys):
    with output.progress(3, "work") as advance:
        advance(3)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


def test_every_command_of_the_table_exists_and_says_its_exit_codes():
    for name, entry in main.COMMANDS.items():
        command = main.mandate.get_command(click.Context(main.mandate), name)
        assert command is not None
        assert len(entry.summary) < 80
        leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            text = leaf.get_help(click.Context(leaf, info_name=leaf.name))
            assert "xit code" in text, f"{name} {leaf.name}"


def test_what_prints_data_prints_json_too():
    printing = (
        "send",
        "import",
        "incidents",
        "ack",
        "resolve",
        "incident",
        "report",
        "change",
        "timeline",
        "pages",
        "config",
        "dropped",
        "topology",
        "demo",
    )
    for name in (*printing, "dead-letters", "status"):
        command = main.mandate.get_command(click.Context(main.mandate), name)
        leaves = list(command.commands.values()) if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert leaf is not None
            assert "--json" in [option for p in leaf.params for option in p.opts], f"{name} {leaf.name}"


def test_an_incident_in_a_few_lines():
    lines = describe({"name": "INC-1", "title": "t", "severity": "SEV2", "intervention": {"seconds": {"page": 1.5}}})
    assert lines[0] == "INC-1"
    assert "  on it     nobody yet" in lines
    assert "  seconds   page 1.5" in lines


def test_a_run_of_failures_alike_is_one_line_and_nothing_else_is_hidden():
    items = [{"kind": "IncidentOpened", "text": "o"}]
    items += [{"kind": "SignalAttached", "text": f"f{n}"} for n in range(3)]
    items += [
        {"kind": "PageRequested", "text": "p"},
        {"kind": "PageRequested", "text": "q"},
        {"kind": "SignalAttached", "text": "g"},
    ]
    assert [item["text"] for item in condensed(items)] == ["o", "f2 (3 alike)", "p", "q", "g"]
