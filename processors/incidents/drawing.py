"""docs/states.md, made from the tables of moves.py by `make states` (a developer's tool). Pure: text out."""

from __future__ import annotations

from processors.incidents.moves import MOVES, STEPS
from schemas.incident_rules import STATES

_HEAD = """# The states of an incident

Written by `make states` from `processors/incidents/moves.py`; a test holds this page equal to it.

"""


def page() -> str:
    """The page: the drawing, the steps, and which command each state allows."""
    return f"{_HEAD}{drawing()}\n{steps()}\n{commands()}"


def drawing() -> str:
    """The steps as a Mermaid drawing; `merged`, which every state leads to, is said below it."""
    lines = ["```mermaid", "stateDiagram-v2", "  [*] --> detected"]
    lines += [f"  {s.before} --> {s.after}: {s.why}" for s in STEPS if s.after != "merged"]
    return "\n".join([*lines, "```", "", "Every state leads to `merged` by a merge, and by nothing else.", ""])


def steps() -> str:
    """The steps as a table."""
    rows = [f"| {s.before} | {s.after} | {s.why} |" for s in STEPS if s.after != "merged"]
    return "\n".join(["| from | to | by |", "|---|---|---|", *rows, ""])


def commands() -> str:
    """Which command each state allows, and through which states it leads; `stays` where the state does not change."""
    lines = [f"| command | {' | '.join(STATES)} |", "|---|" + "---|" * len(STATES)]
    for verb, moves in MOVES.items():
        cells = [" → ".join(moves[s]) or "stays" if s in moves else "" for s in STATES]
        lines.append(f"| {verb} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "An empty cell is a refusal that says why, and what is allowed instead.", ""])
