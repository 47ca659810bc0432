"""Plays seeds on production code with one fault put into it, in a process of its own, until a checker says so.

    python -m tests.simulation.mutating NAME --seeds N      {"mutant", "caught", "seed", "broken"}

The source is changed while it is imported. A place that is no longer in the source is an error, never a mutant that
was missed or caught. This module imports nothing of the program before the change is in place.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from tests.simulation.mutants import MUTANTS, Edit, Mutant

ROOT = Path(__file__).parent.parent.parent


class PlaceGone(Exception):
    """The source is not what the mutant changes: write the mutant anew."""


def edited(edits: Sequence[Edit]) -> dict[str, str]:
    """The sources of the modules with all edits. Raises PlaceGone."""
    sources: dict[str, str] = {}
    for edit in edits:
        plain = (ROOT / (edit.module.replace(".", "/") + ".py")).read_text()
        if plain.count(edit.place) != 1:
            raise PlaceGone(f"{edit.module}: {plain.count(edit.place)} places are {edit.place!r}, one was wanted")
        sources[edit.module] = sources.get(edit.module, plain).replace(edit.place, edit.change)
    return sources


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """The changed source, compiled."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the changed modules before anybody else does."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a changed module."""
        spec = PathFinder.find_spec(fullname, path) if fullname in self._sources else None
        if spec is None or spec.origin is None:
            return None
        spec.loader = _Loader(fullname, spec.origin, self._sources[fullname])
        return spec


def install(mutant: Mutant) -> None:
    """Put the mutant's edits in place. Raises PlaceGone, or ImportError when a module is loaded already."""
    sources = edited(mutant.edits)
    for module in sources:
        if module in sys.modules:
            raise ImportError(f"{module} is loaded already: the mutant would change nothing")
    sys.meta_path.insert(0, _Finder(sources))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutating", description=__doc__)
    parser.add_argument("mutant", choices=sorted(MUTANTS))
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    asked = parser.parse_args()
    install(MUTANTS[asked.mutant])
    from tests.simulation.campaign import play

    told: dict[str, object] = {"mutant": asked.mutant, "caught": False, "seed": None, "broken": []}
    for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
        outcome = play(seed, "small")
        if outcome.broken:
            told |= {"caught": True, "seed": seed, "broken": list(outcome.broken)[:3]}
            break
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
