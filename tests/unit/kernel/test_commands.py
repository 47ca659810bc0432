"""What is remembered of people's commands is forgotten alike by a process that was restarted and one that was not."""

from __future__ import annotations

from processors.kernel.commands import REMEMBERED_S, Commands
from schemas.messages.kernel import RememberedCommand


def test_commands_of_one_second_expire_in_the_order_of_their_decision_after_a_restore_too() -> None:
    live = Commands({}, {})
    for name in (b"z" * 16, b"a" * 16, b"m" * 16):
        live.remember(RememberedCommand(7, name, bytes(16), "accepted", (), ()))
    restored = Commands({}, {})
    for command_id, command in live.flush(7_000):
        restored.load(command_id, command)
    restored.loaded()
    later = (7 + REMEMBERED_S) * 1000
    gone = [(b"z" * 16, None), (b"a" * 16, None), (b"m" * 16, None)]
    assert live.flush(later) == gone
    assert restored.flush(later) == gone
