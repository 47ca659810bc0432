"""The changelog of one partition: records in at a restore, records out at the end of a transaction (KERNEL 15-19).

Called by the engine. What is read is folded by key and looked at when the last record has come: of a changelog that was
not compacted yet most records are older values of the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from processors.kernel.commands import Commands
from processors.kernel.configuration import CONFIG, IN_FORCE
from processors.kernel.outputs import FOUR
from processors.kernel.room import Room
from processors.kernel.sizes import MAX_PART_BYTES, PartTooLarge
from processors.kernel.store import FRAME, Store, stored
from schemas import codec, ids
from schemas.announcing import Message
from schemas.codec import PREFIX_BYTES
from schemas.messages.kernel import CHANGELOG, Chain, Progress, RememberedCommand, StoredPart
from schemas.record import Output, Record

# Keys of the kernel's own changelog records; no part of a processor begins with NUL.
PROGRESS_KEY = b"\x00progress"
_COMMANDS = b"\x00commands/"
_WORDS = codec.Words(CHANGELOG)
_PROGRESS = frozenset(codec.frame(number) for number in codec.schema_ids(Progress))
_new = tuple.__new__


@dataclass(frozen=True, slots=True)
class Position:
    """Where an engine stands: `to` is the next input offset (None: it never ran), `last_now` its last log
    time (ms)."""

    to: int | None
    last_now: int


class Changelog:
    """What is kept of one partition, and what of it the next transaction writes."""

    def __init__(self, room: Room, partition: int, store: Store, commands: Commands) -> None:
        self._room = room
        self._partition = partition
        self._store = store
        self._commands = commands
        self._progress: bytes | None = None
        self._new_configuration: dict[bytes, Message | None] = {}
        self._configuration_hash = _hash_of_configuration([])

    # --- in -----------------------------------------------------------------------------------------------------------

    def load(self, record: Record) -> None:
        """Fold one record. Raises SchemaError when it was written by a newer version than this code."""
        key, value = record.key or b"", record.value
        frame = FRAME if value is None else value[:PREFIX_BYTES]
        if frame == FRAME and not key.startswith(_COMMANDS):
            self._store.load(key, value)
        elif frame in _PROGRESS and key == PROGRESS_KEY:
            self._progress = value  # the last one counts
        else:
            self._load(key, None if value is None else _WORDS.decode(value))

    def _load(self, key: bytes, message: object) -> None:
        if key.startswith(CONFIG):
            # What was taken back is never in force: a newer version is written in the same transaction.
            if message is not None:
                assert isinstance(message, Message)
                self._store.configurations.take(message, restoring=True)
        elif isinstance(message, StoredPart):  # of an older version
            self._store.load(key, stored(message.part, {t.name: (t.due, t.origin) for t in message.timers}))
        else:
            assert message is None or isinstance(message, RememberedCommand)
            self._commands.load(key[len(_COMMANDS) :], message)

    def ready(self) -> Progress | None:
        """Build the indexes; the last Progress. Raises SchemaError for what cannot be read."""
        self._store.loaded()
        self._commands.loaded()
        self._store.configurations.ready()
        self._configuration_hash = _hash_of_configuration(self._store.configurations.versions())
        if self._progress is None:
            return None
        found: Progress = _WORDS.decode(self._progress)
        return found

    # --- out ----------------------------------------------------------------------------------------------------------

    def configure(self, message: Message) -> str:
        """Take a record of configuration: what it did, `configured` where a version is in force now."""
        did, rows = self._store.configurations.take(message)
        for key, row in rows:
            self._new_configuration.pop(key, None)
            self._new_configuration[key] = row
        if did == IN_FORCE:
            self._configuration_hash = _hash_of_configuration(self._store.configurations.versions())
        return did

    def flush(
        self, begin: int, to: int, last_now: int, counts: Mapping[str, int], chains: Mapping[str, bytes]
    ) -> list[Output]:
        """The records of this transaction: every dirty part once, then Progress. Raises PartTooLarge."""
        fields: list[bytes] = []
        topic, partition, lengths = self._room.changelog, self._partition, FOUR
        rows = self._rows(last_now)
        for key, value in rows:
            if value is None:
                fields += (lengths[len(key)], key, lengths[0])
                continue
            size = len(value)
            if size > MAX_PART_BYTES and not key.startswith(CONFIG):
                raise PartTooLarge(f"a part is {size} bytes, the limit is {MAX_PART_BYTES}: {key[:100]!r}")
            fields += (lengths[len(key)], key, lengths[size], value)
        outputs = [_new(Output, (topic, partition, key, value, ())) for key, value in rows]
        progress = Progress(
            room=self._room.name,
            partition=partition,
            from_=begin,
            to=to,
            last_now=last_now,
            decision_version=self._room.decider.version,
            configuration_hash=self._configuration_hash,
            counts=dict(counts),
            chains=tuple(Chain(t, chains[t]) for t in sorted(chains)),
            parts_hash=blake2b(b"".join(fields), digest_size=16).digest(),
            schemas=codec.written_by(),
        )
        outputs.append(Output(topic, partition, PROGRESS_KEY, codec.encode(progress)))
        self._new_configuration = {}
        return outputs

    def _rows(self, last_now: int) -> list[tuple[bytes, bytes | None]]:
        """What a transaction writes to the changelog before Progress."""
        rows = self._store.flush()
        for key, message in self._new_configuration.items():
            rows.append((key, None if message is None else codec.encode(message)))
        for command_id, remembered in self._commands.flush(last_now):
            rows.append((_COMMANDS + command_id, None if remembered is None else codec.encode(remembered)))
        return rows


def _hash_of_configuration(versions: list[tuple[str, str, int, str]]) -> str:
    return ids.derive("configuration", *(field for version in versions for field in version)).hex()
