"""The answer as lines of text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.whatif.answer import Answer
from gateway.whatif.compare import load
from gateway.whatif.sentences import sentences
from schemas.envelope import rfc3339


def lines(answer: Answer) -> Iterator[str]:
    """First whether the baseline is true, then the differences with why, the load, and what was assumed."""
    f = answer.fidelity
    yield f"window    {rfc3339(answer.window.start)} to {rfc3339(answer.window.end)}"
    yield (
        f"baseline  {_percent(f.incidents, f.pages, f.cases)} of the record: "
        + ", ".join(f"{found} of {recorded} {what}" for what, (found, recorded) in f.counts.items())
        + f"; times at most {f.apart_ms} ms apart"
    )
    if not f.whole:
        yield "          The baseline does not equal the record: read the differences with care."
    yield ""
    if answer.unchanged:
        yield "The settings that were given are those in force: nothing was tried."
    found = sentences(answer)
    if not found:
        yield "No difference: the same incidents, the same pages at the same times, the same cases."
    for sentence in found:
        yield f"{sentence.kind:<18} {sentence.label}: {sentence.text}"
        for why in sentence.why:
            yield f"{'':<18}   why: {why}"
    yield ""
    yield from _loads(answer)
    yield ""
    yield "Assumed:"
    for assumption in answer.assumptions:
        yield f"  - {assumption}"


def _percent(*shares: float) -> str:
    least = min(shares)
    return "100 %" if least == 1 else f"{int(least * 1000) / 10} %"


def _loads(answer: Answer) -> Iterator[str]:
    before, after = load(answer.before, answer.window), load(answer.after, answer.window)
    keys = sorted({*before, *after}, key=lambda k: (k[1], k[0]))
    if not keys:
        yield "Nobody was or would have been paged."
    for person, day in keys:
        was, is_ = before.get((person, day), 0), after.get((person, day), 0)
        yield f"pages     {rfc3339(day * 86_400_000)[:10]}  {person:<20} {was} before, {is_} after"
