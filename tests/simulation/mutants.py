"""The mistakes that the checkers must see: each a change of production code, none of them with a test of its own.

Data only; this module imports nothing of the program (mutating.py puts the changes in place before anything does).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """In `module`, the one place that reads `place` reads `change`."""

    module: str
    place: str
    change: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake in words, and how it is made."""

    name: str
    why: str
    edits: tuple[Edit, ...]


LOOP = "processors.host.loop"
RESTORE = "processors.host.restore"
ENGINE = "processors.kernel.engine"
_COMMIT = """            self._slot.begin()
            self._slot.produce(outputs)
            self._slot.send_offsets(to, notes)
            self._slot.commit()
"""


def _one(name: str, why: str, module: str, place: str, change: str) -> Mutant:
    return Mutant(name, why, (Edit(module, place, change),))


def _commit(name: str, why: str, *steps: str) -> Mutant:
    """The transaction of the loop, in other steps. `state` are the changelog's records, `told` all others."""
    split = (
        "            state = [o for o in outputs if o.topic == self._room.changelog]",
        "            told = [o for o in outputs if o.topic != self._room.changelog]",
    )
    words = {
        "begin": "self._slot.begin()",
        "state": "self._slot.produce(state)",
        "told": "self._slot.produce(told)",
        "offsets": "self._slot.send_offsets(to, notes)",
        "commit": "self._slot.commit()",
    }
    lines = "\n".join((*split, *(f"            {words[step]}" for step in steps)))
    return _one(name, why, LOOP, _COMMIT, lines + "\n")


_HOST = (
    _commit(
        "offsets_before_outputs",
        "positions are committed before what was decided up to there",
        *("begin", "state", "offsets", "commit", "begin", "told", "commit"),
    ),
    _commit(
        "changelog_outside",
        "the state is written in a transaction of its own, after the outputs",
        *("begin", "told", "offsets", "commit", "begin", "state", "commit"),
    ),
    _commit(
        "mark_before_produce",
        "the state says seen before the output is written",
        *("begin", "state", "commit", "begin", "told", "offsets", "commit"),
    ),
    _one(
        "state_kept_after_abort",
        "after an abort the engines go on with what they decided",
        LOOP,
        '            return self._renew("abort_unknown")\n        self._forget()\n',
        '            return self._renew("abort_unknown")\n        self._slot.read_from(self._positions)\n',
    ),
    _one(
        "restore_to_stable",
        "a restore ends where nothing more can be read now: at the last stable offset",
        RESTORE,
        "        if not done:\n",
        "        if records:\n",
    ),
    _one(
        "watermark_before_committed",
        "the changelog's end is asked once, when a process first owns a partition: before later positions",
        RESTORE,
        "            return self._slot.changelog_ends()\n",
        "            early = vars(self._slot).setdefault('early', {})\n"
        "            return {p: early.setdefault(p, end) for p, end in self._slot.changelog_ends().items()}\n",
    ),
    Mutant(
        "random_transactional_id",
        "each process has a producer's name of its own",
        (
            Edit(
                "processors.host.transport",
                "from dataclasses import dataclass\n",
                "from dataclasses import dataclass, field\nfrom os import urandom\n",
            ),
            Edit(
                "processors.host.transport",
                "    outputs: tuple[str, ...] = ()\n",
                "    outputs: tuple[str, ...] = ()\n    own: str = field(default_factory=lambda: urandom(4).hex())\n",
            ),
            Edit(
                "processors.host.transport",
                'f"mandate-{self.room}-{self.ordinal}"',
                'f"mandate-{self.room}-{self.ordinal}-{self.own}"',
            ),
        ),
    ),
    _one(
        "positions_of_revoked",
        "what was polled before the assignment moved is decided all the same",
        LOOP,
        "        if self._generation != self._slot.generation:\n"
        "            self._forget()\n            return Step.RESTORING\n",
        "",
    ),
)

_KERNEL = (
    _one(
        "tick_counted",
        "each tick counts as time by itself, so a second one counts twice",
        ENGINE,
        '            self._count("tick")\n',
        '            self._count("tick")\n            self._last_now += 250\n',
    ),
    _one(
        "timer_decides_with_tick_time",
        "a timer decides with the time of what woke it",
        ENGINE,
        "        command = Command(ids.firing_id(origin, part, name, due), part, due, TimerDue(part, name, due))\n",
        "        late = record.append_time\n"
        "        command = Command(ids.firing_id(origin, part, name, due), part, late, TimerDue(part, name, late))\n",
    ),
    _one(
        "timers_not_restored",
        "a restored part has no timers",
        "processors.kernel.store",
        "            if tail == _NO_TIMERS:\n",
        "            if tail == _NO_TIMERS or not self._live_timers:\n",
    ),
    _one(
        "last_now_not_restored",
        "log time begins anew after a restart",
        ENGINE,
        "        self._last_now = progress.last_now\n",
        "",
    ),
    _one(
        "batch_split_shows",
        "ordinals run on over the decisions of a batch",
        ENGINE,
        "        self._writer.begin()\n",
        "        self._writer.last_event_ids = []\n",
    ),
    _one(
        "child_ids_by_index",
        "an id depends on how many events came before, of whatever kind",
        "processors.kernel.outputs",
        "        event_id = ids.child_id(cause, kind, event.key, self._ordinals[kind, event.key])\n",
        "        event_id = ids.child_id(cause, kind, event.key, sum(self._ordinals.values()))\n",
    ),
    _one(
        "changelog_by_key_hash",
        "the changelog's partition comes from the part's key",
        "processors.kernel.changelog",
        "_new(Output, (topic, partition, key, value, ()))",
        "_new(Output, (topic, None, key, value, ()))",
    ),
    _one(
        "older_configuration_accepted",
        "whatever version is announced last is in force",
        "processors.kernel.configuration",
        "        if now is not None and message.version <= now.version:\n",
        "        if now is not None and message.version == now.version:\n",
    ),
    _one(
        "command_id_forgotten",
        "remembered commands are not restored",
        "processors.kernel.commands",
        "        if command is not None:\n            self.by_id[command_id] = command\n",
        "",
    ),
    _one(
        "poison_skipped",
        "what cannot be decoded is left out without a dead letter",
        ENGINE,
        '            return [self._writer.dead_letter(record, error.code, f"{error.what}: {error.why}", now)]\n',
        "            return []\n",
    ),
)

_ROOMS = (
    _one(
        "plain_high_water_mark",
        "a number below the highest is taken for seen",
        "processors.dedup.rules",
        '    return "new" if _hole(mark.holes, number) >= 0 else "seen"\n',
        '    return "seen"\n',
    ),
    _one(
        "drop_without_record",
        "what is dropped is dropped without a record of it",
        "processors.dedup.decide",
        "    events = [Event(command.key, dropped, about=record.offset)]\n",
        "    events: list[Event] = []\n",
    ),
    _one(
        "window_off_by_one",
        "an id is known for one second more than the window is long",
        "processors.dedup.rules",
        "    return found is not None and second - found.second < WINDOW_S\n",
        "    return found is not None and second - found.second <= WINDOW_S\n",
    ),
    _one(
        "late_filler_unflagged",
        "a number that comes late is passed on like any other",
        "processors.ordering.decide",
        '    draft.flags.append("late")\n',
        "",
    ),
    _one(
        "gap_never_declared",
        "nobody waits for the end of a gap",
        "processors.ordering.decide",
        "    draft.timers.append(SetTimer(part, DECLARE, now + GAP_WAIT_MS))\n",
        "",
    ),
    _one(
        "failure_held_for_ever",
        "a failure that waits for another try has no end of its waiting",
        "processors.signals.decide",
        '        return Decision((Event(command.key, FailureHeld(part, waiting)),), (timer,), ("held_for_retry",))\n',
        '        return Decision((Event(command.key, FailureHeld(part, waiting)),), (), ("held_for_retry",))\n',
    ),
    Mutant(
        "page_timer_at_request",
        "the wait for an outcome starts when the page is asked for, not when the request is read back",
        (
            Edit(
                "processors.notifications.draft",
                '        """Ask for this page\'s attempt; it says what is known of the incident now."""\n',
                '        """As the original."""\n'
                "        part = page_part(self.key, page.incident_id, page.notification_id)\n"
                "        wait = self.escalation().outcome_wait_s * 1000\n"
                '        self.timers.append(SetTimer(part, "outcome", self.now + wait))\n',
            ),
            Edit(
                "processors.notifications.pages",
                "    draft.timers.append(SetTimer(page_part(draft.key, page.incident_id, page.notification_id),"
                ' "outcome", due))\n',
                "    assert due\n",
            ),
        ),
    ),
    _one(
        "outcome_not_idempotent",
        "an outcome that is told twice happens twice",
        "processors.notifications.pages",
        '    if page.status == "delivered":\n        return Decision(reasons=("outcome_repeated",))\n',
        "",
    ),
    _one(
        "page_asked_once",
        "a page without an outcome is not asked for again",
        "processors.notifications.pages",
        '    if name == "outcome" and page.status == "open":\n',
        '    if name == "outcome" and page.status == "lost":\n',
    ),
    _one(
        "tenant_forgotten",
        "the state of a session does not name its tenant",
        "processors.ordering.decide",
        "    part = mark_part(command.key, head.session)\n",
        "    part = mark_part(key_of(head.actor), head.session)\n",
    ),
)

_EFFECTS = (
    _one(
        "effect_failure_swallowed",
        "a channel that raises leaves no outcome",
        "processors.effects.hands",
        '            return Verdict("failed", f"not sent: {type(error).__name__}")\n',
        "            raise error\n",
    ),
)

_READ_MODELS = (
    _one(
        "lost_position_ignored",
        "after another process moved the position, this one goes on where it was itself",
        "projections.runner",
        "            self._metrics.position_lost()\n            self._take_positions(source)\n            return\n",
        "            self._stored = {p: self._store.positions()[p] for p in self._places}\n            return\n",
    ),
    _one(
        "fold_begins_anew",
        "each batch folds over nothing instead of over the rows that are there",
        "projections.incidents.project",
        "    now: dict[Key, IncidentRow] = dict(present)\n",
        "    now: dict[Key, IncidentRow] = {}\n",
    ),
    _one(
        "own_position_written",
        "the stored position is where the reader is, whatever was written",
        "projections.runner",
        "        before = {place: self._stored[place] for place in after}\n",
        "        before = {place: self._store.positions()[place] for place in after}\n",
    ),
)

_CORRECTIONS = (
    _one(
        "merge_counts_one",
        "what two incidents make together is what the first one was",
        "processors.incidents.counting",
        "    total = kept.failures + gone.failures\n",
        "    total = kept.failures\n",
    ),
    _one(
        "split_keeps_what_it_moved",
        "failures that were split off stay where they were, too",
        "processors.incidents.splitting",
        "[f for f in kept[n] if f.action_id not in wanted]))\n",
        "list(kept[n])))\n",
    ),
    _one(
        "row_without_its_alias",
        "a row does not say what its incident is now",
        "projections.incidents.corrected",
        "        merged_into=standing.merged_into,\n",
        "        merged_into=row.merged_into,\n",
    ),
)

SCRIPT = "projections.redis_script"
# Of what the servers do, which the world does not simulate: seen by tests/integration/projections/stores_played.py.
_STORES = (
    _one(
        "postgres_at_least",
        "a batch is written when the stored position is its own or a later one",
        "projections.positions",
        "and version = %s and next_offset = %s\n",
        "and version = %s and next_offset >= %s\n",
    ),
    _one(
        "redis_at_least",
        "the same in the script",
        SCRIPT,
        "string.match(now, '^%d+') ~= ARGV[3 + i * 3]",
        "tonumber(string.match(now, '^%d+')) < tonumber(ARGV[3 + i * 3])",
    ),
    _one(
        "redis_positions_first",
        "positions move before what they stand for is written",
        SCRIPT,
        "redis.call('SET', KEYS[3], tonumber('0' .. torn) + 1)\n",
        "for i = 0, places - 1 do redis.call('HSET', positions, ARGV[2 + i * 3], ARGV[4 + i * 3]) end\n"
        "redis.call('SET', KEYS[3], tonumber('0' .. torn) + 1)\n",
    ),
    _one(
        "redis_incr",
        "counts go up with every record that is applied, as INCR would have it",
        "projections.dedup.counted",
        "        return Counted(self.count + 1, offset + 1) if offset >= self.to else self\n",
        "        return Counted(self.count + 1, offset + 1)\n",
    ),
)

STORE_MUTANTS = {mutant.name: mutant for mutant in _STORES}
_ALL = (*_HOST, *_KERNEL, *_ROOMS, *_EFFECTS, *_READ_MODELS, *_CORRECTIONS)
MUTANTS = {mutant.name: mutant for mutant in _ALL}
