"""Why an action was not taken, was refused, or has not been delivered yet. Codes are stable.

ClientError
├── NotTaken      `action()` did not take it: nothing was kept, no number was used
│                 action_unsendable, action_too_large, spill_full, spill_failed, client_closed, client_forked
├── Refused       the gateway refused this action for good, and it is not sent again (the gateway's code)
├── Undelivered   kept, and sent as soon as that is possible: do not hand it over again
│                 gateway_away, gateway_busy, still_waiting, or the code of what the gateway says (token_unknown, …)
└── Unusable      the client cannot begin: url_malformed, spill_unusable
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.errors import MandateError

Json = dict[str, Any]


class ClientError(MandateError):
    """Every error of this client."""


class NotTaken(ClientError):
    """The action stays with the caller: nothing was kept."""


class Undelivered(ClientError):
    """The action is kept and will be sent under the same id; `waiting` is how many wait with it."""

    waiting = 0


class Unusable(ClientError):
    """The client cannot begin."""


class Refused(ClientError):
    """The gateway refused an action for good; `action` is what was sent, `problem` the gateway's document (RFC 9457).

    `others` is how many more actions were refused without anybody having asked for their receipts.
    """

    def __init__(self, action: Mapping[str, Any], problem: Mapping[str, Any], others: int = 0) -> None:
        more = f" (and {others} more)" if others else ""
        super().__init__(
            str(problem.get("code") or "refused"),
            f"action {action.get('id')} ({action.get('type')} on {action.get('resource')}){more}",
            str(problem.get("detail") or problem.get("title") or "the gateway refused it"),
            str(problem.get("remedy") or "Correct the action and hand it over again under another id."),
            field=problem.get("field"),
        )
        self.action = action
        self.problem = problem
        self.others = others
