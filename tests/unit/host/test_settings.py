"""What the environment may say."""

import pytest

from processors.__main__ import main
from processors.host.errors import EXIT_FATAL, EXIT_REFUSED, EXIT_USAGE, Fatal, exit_code
from processors.host.settings import from_env


def test_everything_that_is_needed_is_one_address():
    found = from_env({"MANDATE_KAFKA": "b:9092"})
    assert (found.kafka, found.http, dict(found.security)) == ("b:9092", None, {})
    assert not found.loop.accept_clock


def test_security_is_handed_on_as_the_client_names_it():
    env = {
        "MANDATE_KAFKA": "b:9092",
        "MANDATE_HTTP": "127.0.0.1:8081",
        "MANDATE_KAFKA_PROTOCOL": "SASL_SSL",
        "MANDATE_KAFKA_SASL_USERNAME": "room",
    }
    found = from_env(env, accept_clock=True, from_progress=True)
    assert found.security == {"security.protocol": "SASL_SSL", "sasl.username": "room"}
    assert found.http == ("127.0.0.1", 8081)
    assert found.loop.accept_clock
    assert found.loop.from_progress


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({}, "setting_missing"),
        ({"MANDATE_KAFKA": "b:1", "MANDATE_HTTP": "8081"}, "setting_invalid"),
        ({"MANDATE_KAFKA": "b:1", "MANDATE_HTTP": "x:99999"}, "setting_invalid"),
    ],
)
def test_nonsense_is_refused_before_anything_is_opened(env, code):
    with pytest.raises(Fatal) as refused:
        from_env(env)
    assert refused.value.code == code


def test_effects_need_a_process_of_their_own(capsys):
    assert main(["incidents,effects"]) == EXIT_USAGE
    assert "process of its own" in capsys.readouterr().err


def test_a_missing_setting_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.delenv("MANDATE_KAFKA", raising=False)
    assert main(["dedup"]) == EXIT_USAGE
    assert "setting_missing" in capsys.readouterr().err


def test_what_a_restart_cannot_heal_has_a_code_of_its_own():
    assert exit_code(Fatal("progress_mismatch", "a", "b", "c")) == EXIT_REFUSED
    assert exit_code(Fatal("client_fatal", "a", "b", "c")) == EXIT_FATAL
