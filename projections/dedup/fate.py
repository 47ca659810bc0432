"""Pure: sightings and a timeline row to one answer, the fate of an action. The shape of GET /v1/actions/{id}/fate."""

from __future__ import annotations

from typing import Any, Literal

from projections.dedup.marks import digest
from projections.dedup.queries import Seen, Sightings
from projections.plain import Json, time_text

Fate = Literal["in_timeline", "admitted", "dropped", "dead_letter", "accepted", "unknown"]


def numbered(found: Sightings | None, row: Json | None) -> tuple[bytes, int] | None:
    """Which session (`marks.digest`) and number of it the action has; None when it has none, or nothing says."""
    if row is not None:
        given = row["session"] and row["sequence"] is not None
        return (digest(row["actor"], row["session"]), int(row["sequence"])) if given else None
    copies = [each.said for each in (found.of("dropped") if found else ()) if "session" in each.said]
    return (bytes.fromhex(copies[-1]["session"]), int(copies[-1]["sequence"])) if copies else None


def fate(
    asked: str, event_id: str | None, found: Sightings | None, row: Json | None, session: Json | None = None
) -> Json:
    """The answer. `found` None: Redis could not be asked; `row`: the timeline's, or None; `session`: marks.shown."""
    seen = found or Sightings((), None, {})
    accepted, admitted = seen.of("accepted"), seen.of("admitted")
    dropped, dead = seen.of("dropped"), seen.of("dead")
    word: Fate = "unknown"
    if row is not None:
        word = "in_timeline"
    elif dead and (not admitted or dead[-1].at >= admitted[-1].at):
        word = "dead_letter"
    elif admitted:
        word = "admitted"
    elif dropped:
        word = "dropped"
    elif accepted:
        word = "accepted"
    window = None if found is None else found.window
    return {
        "id": asked,
        "event_id": event_id,
        "fate": word,
        "text": _sentence(word, seen, row, window) + (_mark(session) if word == "dropped" else ""),
        "accepted": [_place(each) for each in accepted],
        "admitted": [_place(each) | {"flags": each.said.get("flags", [])} for each in admitted],
        "dropped": [_dropped(each) for each in dropped],
        "dead_letters": [_dead(each) for each in dead],
        "session": session,
        "timeline": row,
        "window": window,
    }


def _sentence(word: Fate, seen: Sightings, row: Json | None, window: Json | None) -> str:
    copies = len(seen.of("dropped"))
    again = "" if not copies else f" It was delivered again {_times(copies)}; those copies were dropped."
    match word:
        case "in_timeline":
            return f"It is in the timeline, since {row['appended_at'] if row else ''}.{again}{_letter(seen)}"
        case "admitted":
            return f"It passed deduplication and is on its way to the timeline.{again}"
        case "dropped":
            last = seen.of("dropped")[-1].said
            what = "its id" if last["rule"] == "event_id" else "its sequence number"
            first = _first(last)
            where = (
                "" if first is None else f" The first is at {first['topic']}-{first['partition']}@{first['offset']}."
            )
            return f"It was dropped as delivered again: {what} had been seen.{where}"
        case "dead_letter":
            return _letter(seen).strip()
        case "accepted":
            return "It was written to the log and is not decided yet."
    if window is None:
        return "It is not in the timeline; deduplication's read model could not be asked, so nothing else is known."
    if window["since"] is None:
        return "It is not known; deduplication's read model has read nothing yet."
    return f"It is not known: nothing of this id was seen since {window['since']}, and it is not in the timeline."


def _mark(session: Json | None) -> str:
    """What the session's mark says of a dropped number."""
    if session is None:
        return ""
    return f" It has number {session['sequence']} of its session, of which {session['highest']} is the highest passed."


def _letter(seen: Sightings) -> str:
    dead = seen.of("dead")
    if not dead:
        return ""
    last = dead[-1].said
    return f" Processor {last['processor']} set it aside as a dead letter ({last['code']}): {last['detail']}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _place(each: Seen) -> Json:
    place = {"topic": each.place.topic, "partition": each.place.partition, "offset": each.offset}
    return place | {"appended_at": time_text(each.at)}


def _dropped(each: Seen) -> Json:
    said = each.said
    return {
        "reason": said["reason"],
        "rule": said["rule"],
        "topic": said["topic"],
        "partition": said["partition"],
        "offset": said["offset"],
        "dropped_at": time_text(each.at),
        "first": _first(said),
    }


def _first(said: Any) -> Json | None:
    offset = said["first_offset"]
    return None if offset is None else {"topic": said["topic"], "partition": said["partition"], "offset": offset}


def _dead(each: Seen) -> Json:
    said = each.said
    return {
        "processor": said["processor"],
        "code": said["code"],
        "detail": said["detail"],
        "topic": said["topic"],
        "partition": said["partition"],
        "offset": said["offset"],
        "set_aside_at": time_text(each.at),
    }
