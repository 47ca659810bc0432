"""The demo: a scripted, seeded story of a shop, played through the public doors of a running Mandate.

What is here: `shop.py` (people, teams, settings) and `story.py` (who does what and when) are pure data of a
seed; `agents.py`, `pager.py`, `watch.py` and `play.py` perform it; `accounts.py` and `outcome.py` say what
came of it; `narrator.py` tells it to a person.
Who calls it: `mandate demo`. It writes through POST /v1/…, and once with a plain producer to `actions.raw`
(the rubbish). It must never say what it has not read back from `/v1`, from its own pager, or from the topics
of what was dropped and dead, and it must never wait without a limit.
"""
