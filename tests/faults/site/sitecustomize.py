"""Loaded by every Python process of a stack that `tests/faults` runs (PYTHONPATH): it arms the named points.

A file named like a point in the folder MANDATE_FAULTS says what happens there, once: `SIGNAL OF AFTER`, the signal that
the process sends to itself, a word that must be on its command line (`-`: anybody), and how many passes go first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

FOLDER = os.environ.get("MANDATE_FAULTS")
# The word by which the broker is known (clocks.py), and how often a clock's file is read.
BROKER = "gateway.local.fencing"
AGAIN_NS = 100_000_000
passed: dict[str, int] = {}


def at(point: str) -> None:
    """Do what the file says, if it is there and meant for this process; whoever renames it does it."""
    armed = f"{FOLDER}/{point}"
    try:
        with open(armed) as file:
            name, of, after = file.read().split()
    except FileNotFoundError:
        return
    if of != "-" and not any(of in word.split(",") for word in sys.orig_argv):
        return
    passed[point] = passed.get(point, 0) + 1
    if passed[point] <= int(after):
        return
    try:
        os.rename(armed, f"{armed}.done")
    except FileNotFoundError:
        return
    # To this thread: another one may be the first to take a signal of the process, and this one goes on.
    signal.pthread_kill(threading.get_ident(), signal.Signals[name])


def clock() -> None:
    """Where there is a file for a word of this command line, the wall clock is what it says, read again and again.

    The monotonic clock stays: who waits goes on waiting, as when an operator or NTP sets the wall clock.
    """
    for word in sys.orig_argv:
        file = f"{FOLDER}/clock.{word}"
        if "/" in word or not os.path.exists(file):
            continue
        if word != BROKER:
            shift(file)
            continue
        # The Java process that this one starts, or becomes.
        os.environ |= {
            "LD_PRELOAD": os.environ["MANDATE_FAULTS_CLOCK"],
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Its "fix" makes every timed wait of Java return early.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "FAKETIME_TIMESTAMP_FILE": file,
            "FAKETIME_CACHE_DURATION": "1",
        }


def shift(file: str) -> None:
    """Shift what this Python process reads of the wall clock, and nothing else of it.

    Not by libfaketime: librdkafka waits until a time of the wall clock, which the library shifts without shifting the
    wait, so its threads slept for the hour (a futex until then, in /proc/PID/syscall) and fetched nothing; time.sleep
    fails under it. A kernel whose clock is set wakes such a wait.
    """
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    real, known = time.time_ns, [0, 0]

    def ahead() -> int:
        now = time.monotonic_ns()
        if now - known[1] > AGAIN_NS:
            with open(file) as opened:
                said = opened.read().strip()
            known[:] = int(said[:-1]) * units[said[-1]] * 1_000_000_000, now
        return known[0]

    time.time_ns = lambda: real() + ahead()
    time.time = lambda: time.time_ns() / 1e9


if FOLDER:
    clock()
    from processors.host import points

    points.at = at
    if "archive" in sys.orig_argv:
        from projections.archive import store

        # A minute's patience would make a fault at a flush wait for it.
        store.FLUSH_SECONDS = 2.0
