"""The state of one partition: parts by key, their timers, and the configuration in force.

Who calls it: the engine. A part is kept as the bytes of its changelog record, timers and all, and decoded when asked
for. One that was changed since the last transaction is an object (or, if a batch face changed it in place, a promise of
its bytes) and is encoded once when the transaction is written (`decode(encode(part)) == part` is held by a test of
every processor, so the two forms are the same value).
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from processors.kernel.configuration import IN_FORCE, Configurations
from processors.kernel.decider import Index
from processors.kernel.face import Changed
from schemas import codec
from schemas.codec import PREFIX_BYTES
from schemas.configuration import Document
from schemas.errors import SchemaError
from schemas.head import read_long
from schemas.messages.kernel import ConfigurationAnnounced, StoredPart

# Decoded parts kept beside their bytes. 4,096 parts of ~1 KB are 4 MB a partition; when full it starts anew.
CACHE_PARTS = 4096
# Keys that wait to be sorted in; above this, sorting all is cheaper than inserting one by one.
PENDING_KEYS = 512
# Timers read from their bytes (about 400 bytes each) and beginnings by length, kept ready for all partitions.
KEPT_TIMERS = 4_096
KEPT_LENGTHS = 16_384

Timers = Mapping[str, tuple[int, bytes]]
FRAME = codec.frame(codec.schema_id(StoredPart))
# What stands behind a part without timers, and a part that was never written.
_NO_TIMERS = b"\x00"
# A due of our days, and with what follows it where there is one timer: its origin, the end of the list.
_DUE_BYTES = 6
_DUE_AND_REST = _DUE_BYTES + 16 + 1
_UNWRITTEN = FRAME + b"\x00" + _NO_TIMERS
_WORDS = codec.Words((StoredPart,))


class Store:
    """All parts of one partition. Mutated only by `put`, `touch` and `set_timers`, after a decision has come out
    whole."""

    def __init__(self, parts: tuple[type, ...], index: Callable[[], Index] | None = None) -> None:
        self._words = codec.Words(parts)
        self.index = None if index is None else index()
        # By key: the changelog value as of the last transaction, but for the timers, which are as they are now.
        self._stored: dict[str, bytes] = {}
        self._objects: dict[str, Any] = {}
        # In the order of their first change; with what was changed in place, if it was that.
        self._dirty: dict[str, Changed | None] = {}
        self._heap: list[tuple[int, str, str]] = []
        self._live_timers = 0
        # None: nobody has asked for keys in order since they were last too many to sort in.
        self._sorted: list[str] | None = None
        self._unsorted: dict[str, None] = {}
        self.configurations = Configurations()

    def __len__(self) -> int:
        return len(self._stored)

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Any | None:
        """The part with this key, or None."""
        found = self._objects.get(key)
        if found is None and key in self._stored:
            changed = self._dirty.get(key)
            if changed is not None:
                self._keep_promise(key, changed)
            if len(self._objects) - len(self._dirty) >= CACHE_PARTS:
                self._objects = {k: self._objects[k] for k in self._dirty if k in self._objects}
            found = self._objects[key] = self._words.decode(part_of(self._stored[key]))
        return found

    def raw(self, key: str) -> bytes | None:
        """The bytes of a part as the codec writes it, or None where there is no part."""
        value = self.encode(key) if key in self._dirty else self._stored.get(key)
        return None if value is None else part_of(value)

    def keys(self, prefix: str) -> list[str]:
        """All keys that begin with `prefix`, in byte order (code points of UTF-8 sort as its bytes do)."""
        ordered = self._in_order()
        start = bisect_left(ordered, prefix)
        out = []
        for key in ordered[start:]:
            if not key.startswith(prefix):
                break
            if key in self._stored:
                out.append(key)
        return out

    def _in_order(self) -> list[str]:
        ordered = self._sorted
        if ordered is None or len(ordered) > 2 * len(self._stored) + PENDING_KEYS:
            ordered = self._sorted = sorted(self._stored)
        else:
            for key in self._unsorted:
                at = bisect_left(ordered, key)
                if at == len(ordered) or ordered[at] != key:
                    insort(ordered, key)
        self._unsorted = {}
        return ordered

    def all_of(self, kind: type) -> Iterator[tuple[str, Any]]:
        """All parts of one class; they are not kept decoded."""
        for key, changed in self._dirty.items():
            if changed is not None:
                self._keep_promise(key, changed)
        frames = {codec.frame(number) for number in codec.schema_ids(kind)}
        for key, value in self._stored.items():
            if key in self._objects:
                if type(self._objects[key]) is kind:
                    yield key, self._objects[key]
            else:
                part = part_of(value)
                if part[:PREFIX_BYTES] in frames:
                    yield key, self._words.decode(part)

    def timers(self, key: str) -> Timers:
        """The timers of a part: name -> (due, origin)."""
        value = self._stored.get(key)
        return {} if value is None else _timers_in(_tail_of(value))

    def config(self, tenant: str, document: str) -> Document:
        """The document in force for a tenant."""
        return self.configurations.document(tenant, document)

    # --- changing -----------------------------------------------------------------------------------------------------

    def put(self, key: str, part: Any | None) -> None:
        """Set or delete (None) a part; deleting deletes its timers."""
        self._dirty[key] = None
        if part is None:
            self._objects.pop(key, None)
            value = self._stored.pop(key, None)
            if value is not None:
                self._live_timers -= len(_timers_in(_tail_of(value)))
            return
        if key not in self._stored:
            self._stored[key] = _UNWRITTEN  # encoded at flush; the object stands for it until then
            if self._sorted is not None:
                self._unsorted[key] = None
                if len(self._unsorted) > PENDING_KEYS:
                    self._sorted, self._unsorted = None, {}
        self._objects[key] = part
        if self.index is not None and type(part) is self.index.kind:
            self.index.changed(key, part)

    def touch(self, key: str, changed: Changed) -> None:
        """Say that a part, which exists, is changed in place from now on; its bytes are asked of `changed` once."""
        self._dirty[key] = changed
        self._objects.pop(key, None)

    def _keep_promise(self, key: str, changed: Changed) -> None:
        self._dirty[key] = None
        length, pieces = changed.written()
        self._stored[key] = b"".join((_before(length), *pieces, _tail_of(self._stored[key])))

    def set_timers(self, key: str, timers: Timers) -> None:
        """Replace the timers of a part, which exists."""
        self._dirty.setdefault(key, None)
        value = self._stored[key]
        tail = _tail_of(value)
        before = _timers_in(tail)
        self._live_timers += len(timers) - len(before)
        self._stored[key] = value[: len(value) - len(tail)] + _tail(timers)
        for name, (due, _origin) in timers.items():
            if before.get(name, (None, None))[0] != due:
                heapq.heappush(self._heap, (due, key, name))
        # The heap is an index: stale entries stay in it until they outnumber the live ones twice over.
        if len(self._heap) > 64 + 2 * self._live_timers:
            self._heap = list({entry for entry in self._heap if self._is_live(entry)})
            heapq.heapify(self._heap)

    def announce(self, config: ConfigurationAnnounced) -> bool:
        """Put a document in force; False when its version is not newer. Raises ConfigurationError when it is
        broken."""
        return self.configurations.take(config)[0] == IN_FORCE

    # --- timers -------------------------------------------------------------------------------------------------------

    def earliest(self) -> tuple[int, str, str] | None:
        """The next timer as (due, part key, name), or None."""
        while self._heap:
            if self._is_live(self._heap[0]):
                return self._heap[0]
            heapq.heappop(self._heap)
        return None

    def _is_live(self, entry: tuple[int, str, str]) -> bool:
        due, key, name = entry
        value = self._stored.get(key)
        current = None if value is None else _timers_in(_tail_of(value)).get(name)
        return current is not None and current[0] == due

    # --- the changelog ------------------------------------------------------------------------------------------------

    def encode(self, key: str) -> bytes | None:
        """The changelog value of a part as it stands, or None for a tombstone."""
        changed = self._dirty.get(key)
        if changed is not None:
            self._keep_promise(key, changed)
        value = self._stored.get(key)
        if value is None or key not in self._objects:
            return value
        return _whole(codec.encode(self._objects[key]), _tail_of(value))

    def flush(self) -> list[tuple[bytes, bytes | None]]:
        """The parts changed since the last flush, encoded, in the order of their first change."""
        values, objects, tail_of, join = self._stored, self._objects, _tail_of, b"".join
        dirty, self._dirty = self._dirty, {}
        rows: list[tuple[bytes, bytes | None]] = []
        for key, changed in dirty.items():
            value = values.get(key)
            if value is not None:
                if changed is not None:
                    length, pieces = changed.written()
                    values[key] = value = join((_before(length), *pieces, tail_of(value)))
                elif key in objects:
                    values[key] = value = _whole(codec.encode(objects[key]), tail_of(value))
            rows.append((key.encode(), value))
        return rows

    def load(self, key: bytes, value: bytes | None) -> None:
        """Restore: the last changelog value of a part, in today's StoredPart. Call `loaded` after the last one."""
        # At once under the key that is kept: a million keys kept twice until the end are memory that nobody gets back.
        if value is None:
            self._stored.pop(key.decode(), None)
        else:
            self._stored[key.decode()] = value

    def loaded(self) -> None:
        """Take over what was loaded and build the indexes. Raises SchemaError for a part that cannot be read."""
        heap = self._heap
        alike, before, at = "", b"", -1  # the name of a timer that stood alone, what stood before its due, and how long
        for key, value in self._stored.items():
            try:
                tail = _tail_of(value)
            except (IndexError, SchemaError):
                tail = b""  # which the codec will say
            if tail == _NO_TIMERS:
                continue
            if len(tail) == at + _DUE_AND_REST and tail.startswith(before) and not tail[-1]:
                # One timer of the same name as the last that was read with care, its due a time of our days.
                due, end = read_long(tail, at)
                if end == at + _DUE_BYTES:
                    heap.append((due, key, alike))
                    continue
            timers = _timers_read(tail, value)
            heap += [(due, key, name) for name, (due, _) in timers.items()]
            if len(timers) == 1:
                ((alike, _),) = timers.items()
                at = len(tail) - _DUE_AND_REST
                before = tail[:at]
        self._live_timers = len(heap)
        heapq.heapify(heap)
        self._objects, self._dirty = {}, {}
        self._sorted, self._unsorted = None, {}
        if self.index is not None:
            for key, part in self.all_of(self.index.kind):
                self.index.changed(key, part)


def stored(raw: bytes, timers: Timers) -> bytes:
    """The changelog value of a part: a StoredPart of its bytes and its timers by name, as the codec writes it."""
    return _whole(raw, _tail(timers))


def part_of(value: bytes) -> bytes:
    """The bytes of the part in a changelog value."""
    length, at = read_long(value, PREFIX_BYTES)
    return value[at : at + length]


def _whole(raw: bytes, tail: bytes) -> bytes:
    return b"".join((_before(len(raw)), raw, tail))


@lru_cache(maxsize=KEPT_LENGTHS)
def _before(length: int) -> bytes:
    """What stands before a part of so many bytes."""
    return FRAME + codec.long(length)


def _tail_of(value: bytes) -> bytes:
    """The timers in a changelog value, as they stand there."""
    n = value[PREFIX_BYTES]
    if n < 0x80:
        return value[PREFIX_BYTES + 1 + (n >> 1) :]
    more = value[PREFIX_BYTES + 1]
    if more < 0x80:
        return value[PREFIX_BYTES + 2 + ((n & 0x7F | more << 7) >> 1) :]
    length, at = read_long(value, PREFIX_BYTES)
    return value[at + length :]


def _tail(timers: Timers) -> bytes:
    if not timers:
        return _NO_TIMERS
    fields = [codec.long(len(timers))]
    for name in sorted(timers):
        due, origin = timers[name]
        written = name.encode()
        fields += (codec.long(len(written)), written, codec.long(due), origin)
    fields.append(_NO_TIMERS)
    return b"".join(fields)


def _timers_read(tail: bytes, value: bytes | None = None) -> Timers:
    """The timers in their bytes (`value`: in which they stand). Raises SchemaError `undecodable`."""
    try:
        found = {}
        count, at = read_long(tail, 0)
        for _ in range(count):
            length, at = read_long(tail, at)
            name = tail[at : at + length].decode()
            due, at = read_long(tail, at + length)
            found[name] = (due, tail[at : at + 16])
            at += 16
        if len(found) == count and tail[at:] == _NO_TIMERS:
            return found
    except (IndexError, UnicodeDecodeError, SchemaError):
        pass
    # Bytes that we would not write: perhaps the codec reads them, else it says what is wrong with them.
    message: StoredPart = _WORDS.decode(FRAME + b"\x00" + tail if value is None else value)
    return {t.name: (t.due, t.origin) for t in message.timers}


_timers_in = lru_cache(maxsize=KEPT_TIMERS)(_timers_read)


class Overlay:
    """The view that a decision sees: the store, with the changes of its own events so far laid over it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.index = store.index
        self.changes: dict[str, Any | None] = {}

    def get(self, part: str) -> Any | None:
        """The part with this key, or None."""
        if part in self.changes:
            return self.changes[part]
        return self._store.get(part)

    def scan(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """All parts whose key begins with `prefix`, in byte order."""
        keys = self._store.keys(prefix)
        if self.changes:
            keys = sorted({*keys, *(k for k in self.changes if k.startswith(prefix))})
        for key in keys:
            part = self.get(key)
            if part is not None:
                yield key, part

    def config(self, tenant: str, document: str) -> Document:
        """The document in force for this tenant."""
        return self._store.config(tenant, document)
