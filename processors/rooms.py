"""The explicit table of processors: name -> Decider. A tidy test holds its names equal to those of topology.yaml.

Outside the floors: it may see every processor, and nobody below imports it (the wiring, the entry points and tests do).
A processor is loaded when it is asked for: a process with one of them starts in two thirds of the time of one with all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from processors.kernel.decider import Decider


def _dedup() -> Decider:
    from processors import dedup

    return dedup.DECIDER


def _ordering() -> Decider:
    from processors import ordering

    return ordering.DECIDER


def _signals() -> Decider:
    from processors import signals

    return signals.DECIDER


def _incidents() -> Decider:
    from processors import incidents

    return incidents.DECIDER


def _rml() -> Decider:
    from processors import rml

    return rml.DECIDER


def _notifications() -> Decider:
    from processors import notifications

    return notifications.DECIDER


class _Table(Mapping[str, Decider]):
    """Names with what loads their decider."""

    def __init__(self, loaders: Mapping[str, Callable[[], Decider]]) -> None:
        self._loaders = loaders

    def __getitem__(self, name: str) -> Decider:
        return self._loaders[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._loaders

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)


DECIDERS: Mapping[str, Decider] = _Table(
    {
        "dedup": _dedup,
        "ordering": _ordering,
        "signals": _signals,
        "incidents": _incidents,
        "rml": _rml,
        "notifications": _notifications,
    }
)
