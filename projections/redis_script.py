"""What is done to Redis, as values, and the one script that does it: compare positions, write, move positions last.

A script is atomic towards other clients, but nothing in Redis rolls back: a script that fails half-way (memory, a
full disk) leaves what it wrote. So every operation may be repeated without harm: it sets an absolute value, deletes, or
adds a line that is known by its offset. The positions move last; until they do, the batch is done again.

A script that began and did not end leaves its mark. Whoever planned before it knows other content than there is now: he
is told so (TORN), and reads again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Word = str | bytes | int

# Lines kept of one field: the first and the newest. Sixteen tell a support question; a flood tells nothing more.
LINES_MAX = 16
# What COMMIT answers while a rebuild compares: come again.
HELD = "!held"
# What it answers when a script ended half-way since the content was read.
TORN = "!torn"

# KEYS: the positions, the hold of a rebuild, and the mark of a script that did not end. ARGV[1] is the generation's
# prefix; what serves has none. What the members' sets hold has no prefix either: a swap renames keys and changes none.
# ARGV[2] is the mark that was read with the positions.
COMMIT = (
    """
local positions = KEYS[1]
local prefix = table.remove(ARGV, 1)
local known = table.remove(ARGV, 1)
if prefix == '' and redis.call('EXISTS', KEYS[2]) == 1 then return '"""
    + HELD
    + """' end
local places = tonumber(ARGV[1])
for i = 0, places - 1 do
  local now = redis.call('HGET', positions, ARGV[2 + i * 3])
  if not now or string.match(now, '^%d+') ~= ARGV[3 + i * 3] then return ARGV[2 + i * 3] end
end
local torn = redis.call('GET', KEYS[3]) or ''
if torn ~= known then return '"""
    + TORN
    + """' end
redis.call('SET', KEYS[3], tonumber('0' .. torn) + 1)
local most = tonumber(ARGV[2 + places * 3])
local at = 3 + places * 3
while ARGV[at] do
  local op = ARGV[at]
  if op == 'set' then
    redis.call('HSET', prefix .. ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
    at = at + 4
  elseif op == 'del' then
    redis.call('HDEL', prefix .. ARGV[at + 1], ARGV[at + 2])
    at = at + 3
  elseif op == 'keep' then
    redis.call('HSET', prefix .. ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
    redis.call('SADD', prefix .. ARGV[at + 4], ARGV[at + 1])
    at = at + 5
  elseif op == 'line' then
    local key, name, line = prefix .. ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local old = redis.call('HGET', key, name)
    if not old then
      redis.call('HSET', key, name, line)
    else
      local lines = {}
      for one in string.gmatch(old, '[^\\n]+') do lines[#lines + 1] = one end
      if tonumber(string.match(line, '^%d+')) > tonumber(string.match(lines[#lines], '^%d+')) then
        if #lines >= most then table.remove(lines, 2) end
        lines[#lines + 1] = line
        redis.call('HSET', key, name, table.concat(lines, '\\n'))
      end
    end
    redis.call('SADD', prefix .. ARGV[at + 4], ARGV[at + 1])
    at = at + 5
  elseif op == 'place' then
    redis.call('HSET', positions, ARGV[at + 1], ARGV[at + 2])
    at = at + 3
  else
    local members = prefix .. ARGV[at + 1]
    for _, key in ipairs(redis.call('SMEMBERS', members)) do redis.call('UNLINK', prefix .. key) end
    redis.call('UNLINK', members)
    at = at + 2
  end
end
for i = 0, places - 1 do redis.call('HSET', positions, ARGV[2 + i * 3], ARGV[4 + i * 3]) end
redis.call('DEL', KEYS[3])
return ''
"""
)


@dataclass(slots=True)
class Operations:
    """A batch's writes in their order, ready for the script. `last` come after all others: what is forgotten."""

    words: list[Word] = field(default_factory=list)
    last: list[Word] = field(default_factory=list)

    def set(self, key: str, name: Word, value: Word) -> None:
        """A field of a hash becomes this."""
        self.words += ("set", key, name, value)

    def keep(self, key: str, name: Word, value: Word, members: str) -> None:
        """As `set`; the key is also put into the set `members`, by which `drop` finds it."""
        self.words += ("keep", key, name, value, members)

    def delete(self, key: str, name: Word) -> None:
        """A field of a hash goes."""
        self.words += ("del", key, name)

    def line(self, key: str, name: Word, line: str, members: str) -> None:
        """A field gets one more line, unless it has one of this offset or a later one. A line begins with its offset.

        The key is also put into the set `members`, by which `drop` finds it.
        """
        self.words += ("line", key, name, line, members)

    def drop(self, members: str, key: str, name: Word) -> None:
        """At the end every key in the set `members` goes, and the set; and the field that counts them."""
        self.last += ("drop", members, "del", key, name)


@dataclass(frozen=True, slots=True)
class Move:
    """A place's position: what must be stored now, and the new value."""

    place: str
    before: int
    after: str


def arguments(moves: Sequence[Move], operations: Iterable[Word], prefix: str = "", torn: Word = "") -> list[Word]:
    """The script's ARGV. `torn`: the mark that was read with the positions."""
    out: list[Word] = [prefix, torn, len(moves)]
    for move in moves:
        out += (move.place, move.before, move.after)
    out.append(LINES_MAX)
    out += operations
    return out
