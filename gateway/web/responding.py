"""Who works on an incident, and what waits for a word, as its page shows it. Pure.

An incident of the API in, plain values out. Old read models do not say it, so every field may be missing.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
_ACTION = {"rollback": "Roll back", "communication": "Tell stakeholders", "severity": "Set the severity"}
# States in which nobody joins, commands or signs any more.
FINAL = ("closed", "false_alarm", "merged")


def together(x: Json, me: str) -> Json:
    """{say, primary, mine, helping, others, commander, waiting, decided, rollbacks, communications, postmortem, shown}.

    `say` is the line that keeps two people from acting at once.
    """
    primary, commander = x.get("primary"), x.get("commander")
    joined = [(one["person"], one["at"]) for one in x.get("participants") or ()]
    approvals = list(x.get("approvals") or ())
    live = x["state"] not in FINAL
    out: Json = {
        "say": _say(primary, me),
        "primary": primary,
        "commander": commander,
        "mine": primary == me,
        "helping": any(person == me for person, _ in joined),
        "others": joined,
        "waiting": [_waiting(one, me, commander) for one in approvals if one["state"] == "pending" and live],
        "decided": [_decided(one) for one in reversed(approvals) if one["state"] != "pending"],
        "rollbacks": list(reversed(x.get("rollbacks") or ())),
        "communications": list(reversed(x.get("communications") or ())),
        "postmortem": _postmortem(x),
        "live": live,
    }
    said = ("primary", "commander", "others", "waiting", "decided", "rollbacks", "communications", "postmortem")
    return out | {"shown": any(out[name] for name in said)}


def _say(primary: str | None, me: str) -> str:
    if primary is None:
        return "Nobody is primary yet."
    return "You are primary: the others ask you before they act." if primary == me else ""


def _what(one: Json) -> str:
    detail = one["what"] or one["text"] or one["severity"] or ""
    return f"{_ACTION[one['action']]}: {detail}"


def _waiting(one: Json, me: str, commander: str | None) -> Json:
    """Who may press which button; whether `me` has a role is the processor's to say, a page does not know it."""
    mine = one["asked_by"] == me
    signs = one["by_role"] or commander == me
    who = " and ".join(one["missing"]) if one["by_role"] else f"@{', '.join(one['signers'])}"
    signed = [f"@{s['by']} signed as {s['role']}" for s in one["signed"]]
    return {
        "number": one["approval"],
        "what": _what(one),
        "by": one["asked_by"],
        "at": one["at"],
        "reason": one["reason"],
        "note": one["note"],
        "who": who,
        "signed": signed,
        "approve": signs and not mine,
        "decline": signs or mine,
        "back": mine,
    }


def _decided(one: Json) -> Json:
    names = " and ".join(f"@{s['by']}" for s in one["signed"])
    by = f"approved by {names}" if one["state"] == "approved" else f"declined by @{one['decided_by']}"
    return {"what": _what(one), "by": one["asked_by"], "at": one["decided_at"], "said": by, "state": one["state"]}


def _postmortem(x: Json) -> Json | None:
    if not any(x.get(name) for name in ("postmortem_due_at", "postmortem_at", "postmortem_held")):
        return None
    names = ("postmortem_due_at", "postmortem_at", "postmortem_by", "postmortem_link", "postmortem_held")
    return {name.removeprefix("postmortem_"): x.get(name) for name in names}
