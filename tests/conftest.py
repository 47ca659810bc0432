"""What every test may use. Fixtures live in named plugin files under `tests/support/`."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.fix_stack", "tests.support.fix_whole"]

# An example's time is the machine's, not the program's: a busy one made a right test fail, by its deadline or because
# its examples were long in being drawn. Who suppresses another check names this one, too.
settings.register_profile("mandate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mandate")
