"""What can go wrong between us and a log, by what the caller must do next.

    MandateError
    └── HostError
        ├── Transient      nothing happened, the same call may be repeated
        ├── AbortNeeded    abort the transaction, throw the assignment's state away, restore
        ├── OutcomeUnknown the transaction ended nobody knows how: new producer, rewind, restore
        ├── TooLarge       one output is above its topic's limit; the record that caused it is a dead letter
        ├── SendBusy       the sender's queue is full: refuse the caller, nothing was queued
        ├── SendFailed     the log did not acknowledge in time; it may or may not have been written
        └── Fatal          this process must end; a supervisor starts the next one

Whatever the client reports and is not in one of these classes is Fatal (KAFKA.md A.8: unclassified means
exit).
"""

from __future__ import annotations

from schemas.errors import MandateError


class HostError(MandateError):
    """Something between us and a log went wrong."""


class Transient(HostError):
    """Nothing was done; repeat the same call within the caller's deadline."""


class AbortNeeded(HostError):
    """The open transaction cannot be committed: abort it, throw the assignment's state away, restore."""


class OutcomeUnknown(HostError):
    """A call on the open transaction timed out for good: only a new producer makes the outcome known."""


class TooLarge(HostError):
    """An output is larger than its topic takes. Nothing was produced."""


class SendBusy(HostError):
    """The bounded queue of a sender is full; nothing was queued. Ask the caller to come again later."""


class SendFailed(HostError):
    """The log gave no acknowledgement in time. The record may have been written: the caller repeats under its
    own id."""


class Fatal(HostError):
    """This process cannot go on safely. It ends with the exit code of `EXIT_CODES[code]`."""


# Exit codes of a processor process. A supervisor restarts on every one of them except 78 (a person is
# needed).
EXIT_CLEAN = 0
EXIT_USAGE = 2
EXIT_ROOM_DIED = 70  # a thread ended by a bug
EXIT_FATAL = 75  # the client library or the broker said fatal: fenced, timed out for good
EXIT_REFUSED = 78  # state and log contradict each other, or a setting is wrong: restarting does not help

REFUSALS = frozenset(
    {
        "progress_mismatch",
        "changelog_without_offset",
        "offset_out_of_log",
        "broker_too_old",
        "settings_contradict",
        "topic_missing",
        "part_version_newer",
        "no_such_processor",
    }
)


def exit_code(error: MandateError) -> int:
    """The exit code of a process that dies of `error`."""
    return EXIT_REFUSED if error.code in REFUSALS else EXIT_FATAL
