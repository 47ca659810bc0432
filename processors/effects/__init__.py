"""The hands: what the notifications processor asked for is done here, and what came of it is told back.

What is here: a relay (relay.py) that copies due requests from the transactional `notifications.events` to the plain
topic `effects.requests`; a Faust app (worker.py) that works those off, one lane per target (lanes.py), through a table
of channels (channels.py: console, webhook); the report of each outcome to `notifications.commands` (outcomes.py).
Who calls it: `python -m processors effects --slot N`, by `run`. Reads: `notifications.events`, `effects.requests`, the
Postgres tables `webhook_secrets` and `configuration` (document `targets`). Writes: `effects.requests`,
`notifications.commands`, and the outside world, there only what addresses.py and guard.py let pass at every attempt.
Must never: decide who is told or when, read a transactional topic through Faust, keep anything that correctness needs
(the processor asks again until an outcome arrives), follow a redirect, put a secret on a log.
"""


def run(slot: int) -> None:
    """Work as effects slot `slot` (0, 1, …) until SIGTERM, then end the whole process: with 0 after an orderly end.

    A fatal error ends it with a code of `processors.host.errors`. Settings come from MANDATE_* variables
    (settings.py). Raises MandateError `setting_missing` or `setting_invalid` before anything is opened.
    """
    # Imported here: the package's plate must stay cheap for whoever only asks for a name, and a room's process has no
    # use for an HTTP client and an event loop.
    from processors.host.loading import loading

    with loading():
        from processors.effects import service, settings

    service.run(settings.from_environment(slot))
