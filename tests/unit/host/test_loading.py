"""Code is loaded without the collector of circles, and nothing stays without it."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from processors.host.loading import loading
from processors.rooms import DECIDERS


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What a test froze is the collector's again."""
    yield
    gc.unfreeze()


def test_the_collector_is_off_while_code_is_loaded_and_on_afterwards() -> None:
    with loading():
        assert not gc.isenabled()
        with loading():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the inner block ends nothing"
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_it_is_on_again_when_what_was_to_be_loaded_is_broken() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError("a module that is not there")
    assert gc.isenabled()


def test_a_process_loads_the_processor_that_it_runs_and_those_that_it_feeds() -> None:
    code = (
        "import sys\n"
        "from processors import wiring\n"
        "from schemas import topology\n"
        "wiring.hosted(topology.load(), ['ordering'])\n"
        "print(*(name for name in sys.argv[1:] if f'processors.{name}.decide' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *DECIDERS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ordering"]
