"""What every test may use. Fixtures live in named plugin files under `tests/support/`."""

from hypothesis import settings

pytest_plugins = ["tests.support.fix_stack", "tests.support.fix_whole"]

# An example's time is the machine's, not the program's: a busy one made a right test fail.
settings.register_profile("mandate", deadline=None)
settings.load_profile("mandate")
