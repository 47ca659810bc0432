"""Words that say what is wrong or what was being done, as against the name of the thing that it was done to.

Two messages that differ in one of these are two faults: "refused" and "reset", "read" and "write", "disk" and "memory".
Two that differ in another word are one fault of two things: the table `users` and the table `orders`. English, as the
messages of runtimes, databases and services are; in another language only the counts of `alike` decide. What it leaves
together or apart against a team's wish, that team's grouping rules put right (document `signals`, `grouping`).
"""

from __future__ import annotations

_GRAMMAR = (
    "not no none never nor neither cannot is was are were be been being has have had do does did can could may",
    "might must shall should will would to from of in on at by for with without within before after during until",
    "since under over above below into onto out off up down between among through than as and or but if unless",
    "when while where because so too very more less most least only also already yet still again once a an the",
    "this that these those it its all any each every some other another both either same such first second third",
    "last next previous new old left right top bottom true false yes null nil undefined unknown",
)
_STATES = (
    "full empty closed open locked busy idle ready down offline online dead alive stale fresh late early slow",
    "invalid valid illegal malformed corrupt broken bad wrong missing absent present duplicate unique unavailable",
    "available unreachable reachable unexpected unsupported unauthorized forbidden overflow underflow negative",
    "positive zero large small larger smaller long short longer shorter greater high low higher lower max min",
    "maximum minimum fatal critical incompatible insufficient inconsistent incomplete reset timeout lost sent cut",
    "shut read-only readonly immutable",
)
# Also with "ing": -ed is told by its ending.
_ACTIONS = (
    "read write open close create delete remove update insert select append copy move rename list get put post",
    "patch send receive publish consume subscribe connect disconnect bind listen accept reject commit rollback",
    "lock unlock acquire release allocate free load save store fetch push pull upload download start stop restart",
    "begin end finish run execute call invoke parse encode decode encrypt decrypt compress decompress serialize",
    "deserialize sign verify validate resolve render compile build deploy mount unmount attach detach grant",
    "revoke authenticate authorize retry flush sync seek scan drop truncate alter use view modify change describe",
)
_MEANS = (
    "disk memory cpu heap stack space quota connection connections socket sockets port thread threads process",
    "file files directory descriptor descriptors token certificate password credentials permission permissions",
    "deadlock transaction deadline buffer cache limit rate pool header body request requests response query",
    "statement column row key index handshake checksum signature syntax encoding timeout name type value argument",
    "parameter network server client string number boolean integer float double decimal array object map tuple",
    "bytes text date timestamp",
)


def _ing(word: str) -> str:
    """`closing` of close, `getting` of get, `reading` of read."""
    if word.endswith("e") and not word.endswith("ee"):
        return f"{word[:-1]}ing"
    short = len(word) == 3 and word[1] in "aeiou" and word[0] not in "aeiou" and word[2] not in "aeiouwy"
    return f"{word}{word[-1]}ing" if short else f"{word}ing"


def _split(lines: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


ACTIONS = _split(_ACTIONS)
FAULT_WORDS = _split(_GRAMMAR) | _split(_STATES) | ACTIONS | frozenset(map(_ing, ACTIONS)) | _split(_MEANS)

# What follows one of these says what is the matter: "is expired", "cannot list", "too large".
BEFORE_A_VERDICT = _split(
    ("is are was were be been being not no has have had cannot can could may might must should will would too very",)
)
# What follows "to" after one of these is what was tried: "failed to replicate", "unable to reach".
BEFORE_AN_ATTEMPT = _split(
    (
        "failed fails failing unable able trying tried attempt attempted attempting refused needed required",
        "authorized allowed permitted forbidden",
    )
)
