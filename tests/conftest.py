"""What every test may use. Fixtures live in named plugin files under `tests/support/`."""

pytest_plugins = ["tests.support.fix_stack", "tests.support.fix_whole"]
