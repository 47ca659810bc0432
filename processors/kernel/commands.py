"""Which commands of people were answered, for 24 h of log time: a re-sent one gets the same answer (KERNEL
5)."""

from __future__ import annotations

from dataclasses import dataclass

from processors.kernel.decider import Command, Decision
from schemas.messages.kernel import RememberedCommand

REMEMBERED_S = 86_400
REMEMBERED_MAX = 200_000  # per partition; 200k x ~120 B = 24 MB
FORGOTTEN_PER_FLUSH = 1_000


@dataclass(slots=True)
class Commands:
    """Remembered commands by id, oldest first. `dirty` holds what the next transaction must write or
    erase."""

    by_id: dict[bytes, RememberedCommand]
    dirty: dict[bytes, RememberedCommand | None]

    def known(self, command_id: bytes, now: int) -> RememberedCommand | None:
        """The remembered command unless it is older than 24 h; an expired one is as if it never was (KERNEL
        6)."""
        found = self.by_id.get(command_id)
        return found if found is not None and now // 1000 - found.second < REMEMBERED_S else None

    def full(self, now: int) -> bool:
        """Whether no more can be remembered; the door then answers 429."""
        if len(self.by_id) < REMEMBERED_MAX:
            return False
        return sum(1 for c in self.by_id.values() if now // 1000 - c.second < REMEMBERED_S) >= REMEMBERED_MAX

    def remember(self, command: RememberedCommand) -> None:
        """Keep an answer."""
        self.by_id.pop(command.command_id, None)
        self.by_id[command.command_id] = command
        self.dirty[command.command_id] = command

    def load(self, command_id: bytes, command: RememberedCommand | None) -> None:
        """Restore one."""
        self.by_id.pop(command_id, None)
        if command is not None:
            self.by_id[command_id] = command

    def loaded(self) -> None:
        """Put the oldest first again. Those of one second stay as the changelog has them, so as they were decided:
        they expire together, and must be erased in the same order whether there was a restore or not.
        """
        order = sorted(self.by_id.values(), key=lambda c: c.second)
        self.by_id = {c.command_id: c for c in order}

    def flush(self, now: int) -> list[tuple[bytes, RememberedCommand | None]]:
        """What is to be written: new answers, and erasures of expired ones (at most 1,000 a transaction)."""
        expired: list[bytes] = []
        for command in self.by_id.values():
            if now // 1000 - command.second < REMEMBERED_S or len(expired) == FORGOTTEN_PER_FLUSH:
                break
            expired.append(command.command_id)
        for command_id in expired:
            del self.by_id[command_id]
            self.dirty[command_id] = None
        out = list(self.dirty.items())
        self.dirty = {}
        return out


def remembered_of(command: Command, decision: Decision, event_ids: tuple[bytes, ...]) -> RememberedCommand:
    """What is remembered of a person's command that was decided."""
    assert decision.answer is not None  # staging has checked it
    m = command.message
    return RememberedCommand(
        command.now // 1000, m.command_id, m.body_hash, decision.answer, decision.reasons, event_ids
    )


def answer_again(command: Command, known: RememberedCommand | None) -> tuple[str, RememberedCommand]:
    """The reason and the answer for a command that is not decided: known, or (None) one too many."""
    m = command.message
    second = command.now // 1000
    if known is None:
        return "too_many_commands", RememberedCommand(second, m.command_id, m.body_hash, "too_many_commands", (), ())
    if known.body_hash != m.body_hash:
        code = "idempotency_conflict"
        return code, RememberedCommand(second, m.command_id, m.body_hash, code, (), ())
    return "command_known", known
