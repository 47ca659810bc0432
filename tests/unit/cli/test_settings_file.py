"""A configuration file's errors name the file, the line and the field."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import settings_file
from schemas.errors import ConfigurationError

GOOD = """\
people:
  fallback_contact: ann
  people:
    - id: ann
      channels:
        - {kind: console}
ownership:
  resources:
    - match: api.example.*
      team: core
escalation:
  default_policy: core
  teams: {core: core}
  policies:
    - id: core
      steps:
        - {person: ann, wait_s: 60}
tokens:
  - subject: ann
    kind: person
    roles: [admin]
    token_file: ann.token
  - subject: bot
    kind: agent
    sha256: "AA00000000000000000000000000000000000000000000000000000000000000"
"""


def parse(text: str) -> settings_file.SettingsFile:
    return settings_file.parse(text, "shop.yaml", Path("/etc/shop"))


def refused(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    return caught.value


def test_a_good_file_gives_documents_and_tokens():
    found = parse(GOOD)
    assert sorted(found.documents) == ["escalation", "ownership", "people"]
    assert found.tokens is not None
    assert found.tokens[0].token_file == Path("/etc/shop/ann.token")
    assert found.tokens[0].roles == ("admin",)
    assert found.tokens[1].sha256 == "aa" + "0" * 62
    # A file that does not speak of tokens must not take them away.
    assert parse(GOOD[: GOOD.index("tokens:")]).tokens is None


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("kind: console", "kind: pigeon", "configuration_invalid", "shop.yaml:6: people.people.0.channels.0.kind"),
        ("wait_s: 60", "wait_s: 0", "configuration_invalid", "shop.yaml:17: escalation.policies.0.steps.0.wait_s"),
        ("default_policy", "default_polcy", "configuration_invalid", "shop.yaml:12: escalation.default_polcy"),
        ("ownership:", "owners:", "configuration_unknown", "shop.yaml:7: owners"),
        ("kind: person", "kind: human", "configuration_invalid", "shop.yaml:20: tokens.0.kind"),
        ("    token_file: ann.token\n", "", "configuration_invalid", "shop.yaml:19: tokens.0"),
        ("AA00", "AA0", "configuration_invalid", "shop.yaml:25: tokens.1.sha256"),
        (
            "  - subject: bot",
            "  - subject: bot\n    colour: red",
            "configuration_invalid",
            "shop.yaml:24: tokens.1.colour",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(old, new, code, place):
    assert old in GOOD
    error = refused(GOOD.replace(old, new))
    assert (error.code, error.what) == (code, place)


def test_broken_yaml_names_its_line():
    assert refused("people:\n  - [unclosed\n").what.startswith("shop.yaml:")
    assert refused("just a text").code == "configuration_invalid"


def test_what_must_hold_across_documents_is_placed_too(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(GOOD.replace("person: ann", "person: bea"))
    found = settings_file.read(file)
    with pytest.raises(ConfigurationError) as caught:
        settings_file.check_with(found.documents, file)
    assert caught.value.code == "configuration_dangling"
    assert caught.value.what == f"{file}:17: escalation.policies.core.steps.0.person"


def test_a_name_with_dots_is_found():
    import yaml

    root = yaml.compose(GOOD)
    assert settings_file.line_of(root, "ownership.resources.api.example.*") == 9
    assert settings_file.line_of(root, "nowhere.at.all") is None
