"""A process that asks a broker one question again and again, and says what it was told.

`python -m tests.support.asking BOOTSTRAP committed|ends|names`; the test kills it.
"""

from __future__ import annotations

import sys
import threading

from processors.host.admin import Admin
from processors.host.errors import HostError
from processors.host.group_positions import GroupPositions
from processors.host.places import Place

PLACE = Place("dead.letters", 0)


def main(bootstrap: str, question: str) -> None:
    """Ask until killed."""
    admin = Admin(bootstrap)
    positions = GroupPositions(bootstrap, ["somebody"])
    paced = threading.Event()
    while True:
        try:
            if question == "committed":
                positions.of("somebody", [PLACE])
            elif question == "ends":
                admin.ends([PLACE])
            else:
                admin.names()
            print("answer", flush=True)
        except HostError as error:
            if error.code == "topic_missing":
                print("answer", flush=True)
            else:
                print(error, flush=True)
        paced.wait(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
