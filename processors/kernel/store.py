"""The state of one partition: parts by key, their timers, and the configuration in force.

Who calls it: the engine. Parts are immutable; a part that was changed since the last transaction is kept as
an object and encoded once when the transaction is written, all others are bytes and decoded when asked for
(`decode(encode(part)) == part` is held by a test of every processor, so the two faces are the same value).
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from typing import Any

from schemas import codec
from schemas.configuration import DEFAULTS, Document, parse_document
from schemas.messages.kernel import ConfigurationAnnounced, StoredPart

# Decoded parts kept beside their bytes. 4,096 parts of ~1 KB are 4 MB a partition; when full it starts anew.
CACHE_PARTS = 4096
# Keys that wait to be sorted in; above this, sorting all is cheaper than inserting one by one.
PENDING_KEYS = 512

Timers = Mapping[str, tuple[int, bytes]]
_NO_TIMERS: Timers = {}
_FRAME = codec.frame(codec.schema_id(StoredPart))


class Store:
    """All parts of one partition. Mutated only by `put` and `set_timers`, after a decision has come out
    whole."""

    def __init__(self, parts: tuple[type, ...]) -> None:
        self._words = codec.Words(parts)
        self._raw: dict[str, bytes] = {}
        self._objects: dict[str, Any] = {}
        self._timers: dict[str, Timers] = {}
        self._dirty: dict[str, None] = {}
        self._heap: list[tuple[int, str, str]] = []
        self._live_timers = 0
        self._sorted: list[str] = []
        self._unsorted: dict[str, None] = {}
        self._config: dict[tuple[str, str], tuple[ConfigurationAnnounced, Document]] = {}

    def __len__(self) -> int:
        return len(self._raw)

    # --- reading
    # ------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Any | None:
        """The part with this key, or None."""
        found = self._objects.get(key)
        if found is None and key in self._raw:
            if len(self._objects) - len(self._dirty) >= CACHE_PARTS:
                self._objects = {k: self._objects[k] for k in self._dirty if k in self._objects}
            found = self._objects[key] = self._words.decode(self._raw[key])
        return found

    def keys(self, prefix: str) -> list[str]:
        """All keys that begin with `prefix`, in byte order (code points of UTF-8 sort as its bytes do)."""
        self._sort()
        start = bisect_left(self._sorted, prefix)
        out = []
        for key in self._sorted[start:]:
            if not key.startswith(prefix):
                break
            if key in self._raw:
                out.append(key)
        return out

    def _sort(self) -> None:
        if len(self._unsorted) > PENDING_KEYS or len(self._sorted) > 2 * len(self._raw) + PENDING_KEYS:
            self._sorted = sorted(self._raw)
        else:
            for key in self._unsorted:
                at = bisect_left(self._sorted, key)
                if at == len(self._sorted) or self._sorted[at] != key:
                    insort(self._sorted, key)
        self._unsorted = {}

    def all_of(self, kind: type) -> Iterator[tuple[str, Any]]:
        """All parts of one class; they are not kept decoded."""
        frames = {codec.frame(number) for number in codec.schema_ids(kind)}
        for key, raw in self._raw.items():
            if key in self._objects:
                if type(self._objects[key]) is kind:
                    yield key, self._objects[key]
            elif raw[: codec.PREFIX_BYTES] in frames:
                yield key, self._words.decode(raw)

    def timers(self, key: str) -> Timers:
        """The timers of a part: name -> (due, origin)."""
        return self._timers.get(key, _NO_TIMERS)

    def config(self, tenant: str, document: str) -> Document:
        """The document in force for a tenant."""
        found = self._config.get((tenant, document))
        return found[1] if found else DEFAULTS[document]

    # --- changing
    # -----------------------------------------------------------------------------------------------

    def put(self, key: str, part: Any | None) -> None:
        """Set or delete (None) a part; deleting deletes its timers."""
        self._dirty[key] = None
        if part is None:
            self._raw.pop(key, None)
            self._objects.pop(key, None)
            self._live_timers -= len(self._timers.pop(key, _NO_TIMERS))
            return
        if key not in self._raw:
            self._raw[key] = b""  # encoded at flush; the object stands for it until then
            self._unsorted[key] = None
        self._objects[key] = part

    def touch(self, key: str) -> None:
        """Say that a part was changed in place; its new bytes come by `put_raw` before the next flush."""
        self._dirty[key] = None

    def put_raw(self, key: str, raw: bytes) -> None:
        """Set a part that exists and was touched, as the bytes of its message."""
        self._raw[key] = raw
        self._objects.pop(key, None)

    def set_timers(self, key: str, timers: Timers) -> None:
        """Replace the timers of a part."""
        self._dirty[key] = None
        before = self._timers.get(key, _NO_TIMERS)
        self._live_timers += len(timers) - len(before)
        if timers:
            self._timers[key] = timers
        else:
            self._timers.pop(key, None)
        for name, (due, _origin) in timers.items():
            if before.get(name, (None, None))[0] != due:
                heapq.heappush(self._heap, (due, key, name))
        # The heap is an index: stale entries stay in it until they outnumber the live ones twice over.
        if len(self._heap) > 64 + 2 * self._live_timers:
            self.rebuild_heap()

    def announce(self, config: ConfigurationAnnounced) -> bool:
        """Put a document in force; False when its version is not newer. Raises ConfigurationError when it is
        broken."""
        known = self._config.get((config.tenant, config.document))
        if known is not None and config.version <= known[0].version:
            return False
        self._config[config.tenant, config.document] = (config, parse_document(config.document, config.body))
        return True

    def configurations(self) -> list[ConfigurationAnnounced]:
        """All documents in force, by tenant and name."""
        return [self._config[k][0] for k in sorted(self._config)]

    # --- timers
    # ---------------------------------------------------------------------------------------------------

    def earliest(self) -> tuple[int, str, str] | None:
        """The next timer as (due, part key, name), or None."""
        while self._heap:
            due, key, name = self._heap[0]
            current = self._timers.get(key, _NO_TIMERS).get(name)
            if current is not None and current[0] == due:
                return self._heap[0]
            heapq.heappop(self._heap)
        return None

    def rebuild_heap(self) -> None:
        """Make the index of timers anew from the parts."""
        self._heap = [(due, k, n) for k, timers in self._timers.items() for n, (due, _o) in timers.items()]
        heapq.heapify(self._heap)

    # --- the changelog
    # --------------------------------------------------------------------------------------------

    def encode(self, key: str) -> bytes | None:
        """The changelog value of a part as it stands, or None for a tombstone."""
        if key not in self._raw:
            return None
        raw = codec.encode(self._objects[key]) if key in self._objects else self._raw[key]
        return stored(raw, self.timers(key))

    def flush(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The parts changed since the last flush, encoded, in the order of their first change. Read it to its end."""
        raws, objects, timers = self._raw, self._objects, self._timers
        dirty, self._dirty = self._dirty, {}
        for key in dirty:
            if key in objects:
                raws[key] = codec.encode(objects[key])
            raw = raws.get(key)
            yield key.encode(), None if raw is None else stored(raw, timers.get(key, _NO_TIMERS))

    def load(self, key: str, value: StoredPart | None) -> None:
        """Restore: the last value of a part. Call `loaded` after the last one."""
        self._objects.pop(key, None)
        if value is None:
            self._raw.pop(key, None)
            self._timers.pop(key, None)
            return
        self._raw[key] = value.part
        self._timers.pop(key, None)
        if value.timers:
            self._timers[key] = {t.name: (t.due, t.origin) for t in value.timers}

    def loaded(self) -> None:
        """Build the indexes after a restore."""
        self._sorted, self._unsorted, self._dirty = sorted(self._raw), {}, {}
        self._live_timers = sum(len(t) for t in self._timers.values())
        self.rebuild_heap()


def stored(raw: bytes, timers: Timers) -> bytes:
    """The changelog value of a part: a StoredPart of its bytes and its timers by name.

    By hand, since there are several an event: the same bytes take a sixth of the time that the codec needs.
    """
    if not timers:
        return b"".join((_FRAME, codec.long(len(raw)), raw, b"\x00"))
    fields = [_FRAME, codec.long(len(raw)), raw, codec.long(len(timers))]
    for name in sorted(timers):
        due, origin = timers[name]
        written = name.encode()
        fields += (codec.long(len(written)), written, codec.long(due), origin)
    fields.append(b"\x00")
    return b"".join(fields)


class Overlay:
    """The view that a decision sees: the store, with the changes of its own events so far laid over it."""

    def __init__(self, store: Store) -> None:
        self._store = store
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
