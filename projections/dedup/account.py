"""Where the actions of the last minutes went, by sets of ids: every accepted one has an outcome, is on its way, or not.

Who calls it: the gateway's health of the pipeline. One script reads a tenant's sightings of the newest slots, in one
moment of Redis; an id counts once, however often it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processors.host.places import Place
from projections.dedup.project import NAME, SIZES, SLOT_MS, VERSION, Kind
from projections.redis_keys import positions_key, tenant_key
from projections.redis_reading import ask, marks
from projections.redis_store import Mark

# The running slot and the two before it: 20 to 30 minutes.
SLOTS = 3
# Ids that the script holds at once, all of a tenant's in those slots: about 30 ms of Redis. Above it nothing is said.
IDS_MAX = 50_000
# Ids without an outcome that are looked at one by one; more than this is a standstill, which the lag tells.
MISSING_MAX = 1_000

_COUNT = """
local positions = redis.call('HGETALL', KEYS[1])
local slots = redis.call('HKEYS', KEYS[2])
local held = 0
for _, slot in ipairs(slots) do
  if tonumber(string.match(slot, ':(%d+)$')) >= tonumber(ARGV[2]) then
    held = held + redis.call('HLEN', ARGV[1] .. slot)
  end
end
if held > tonumber(ARGV[3]) then return {positions, held, {}, {}} end
local kinds, counts, missing = {accepted = {}, admitted = {}, dropped = {}, dead = {}}, {}, {}
local kind_of = cjson.decode(ARGV[5])
for _, slot in ipairs(slots) do
  local kind = kind_of[string.match(slot, '^(.-)/')]
  if kind and tonumber(string.match(slot, ':(%d+)$')) >= tonumber(ARGV[2]) then
    for _, id in ipairs(redis.call('HKEYS', ARGV[1] .. slot)) do kinds[kind][id] = slot end
  end
end
for kind, ids in pairs(kinds) do
  local n = 0
  for _ in pairs(ids) do n = n + 1 end
  counts[#counts + 1] = kind
  counts[#counts + 1] = n
end
local without = 0
for id, slot in pairs(kinds.accepted) do
  if not (kinds.admitted[id] or kinds.dropped[id] or kinds.dead[id]) then
    without = without + 1
    if without <= tonumber(ARGV[4]) then
      missing[#missing + 1] = slot
      missing[#missing + 1] = redis.call('HGET', ARGV[1] .. slot, id)
    end
  end
end
return {positions, held, counts, missing, without}
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Ids by what became of them. `missing`: coordinates of accepted ones without an outcome, at most MISSING_MAX.

    `counted` False: there were more than IDS_MAX, and nothing was counted. `since` in ms of log time.
    """

    counted: bool
    since: int
    numbers: Mapping[Kind, int]
    without: int
    missing: tuple[tuple[Place, int], ...]
    positions: Mapping[Place, Mark]


async def account(client: Any, tenant: str, kinds: Mapping[str, Kind], now: int) -> Account:
    """The account of a tenant's newest slots; `now` in ms chooses them. Raises NotReady `redis_unavailable`."""
    first = now // SLOT_MS - SLOTS + 1
    keys = [positions_key(NAME, VERSION), SIZES]
    words = (tenant_key(tenant, NAME, VERSION), first, IDS_MAX, MISSING_MAX, json.dumps(dict(kinds)))
    found = await ask(client, _COUNT, keys, *words)
    counts: dict[Any, int] = {k.decode(): n for k, n in zip(found[2][::2], found[2][1::2], strict=True)}
    missing = []
    for slot, lines in zip(found[3][::2], found[3][1::2], strict=True):
        topic, _, partition = slot.decode().rpartition(":")[0].rpartition("/")
        missing += [(Place(topic, int(partition)), int(line.split(" ", 1)[0])) for line in lines.decode().split("\n")]
    counted = len(found) > 4
    return Account(counted, first * SLOT_MS, counts, found[4] if counted else 0, tuple(missing), marks(found[0]))
