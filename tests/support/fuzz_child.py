"""One fuzz target in this process, which libFuzzer ends. Called by fuzzing.py with its name and libFuzzer's options."""

from __future__ import annotations

import sys

import atheris

# Instrumented as they are imported: what reads the bytes, and nothing of what they stand on.
with atheris.instrument_imports(include=["schemas", "gateway.http"]):
    from tests.support.fuzz_targets import TARGETS
    from tests.support.fuzzing import prepared


def main() -> None:
    """Never returns: libFuzzer exits."""
    name = sys.argv[1]
    atheris.Setup([sys.argv[0], *sys.argv[2:], str(prepared(name))], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
