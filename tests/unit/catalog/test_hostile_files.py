"""Files that would make the program fail, not the file: each is refused with a code of the catalog."""

from __future__ import annotations

import pytest

from gateway.catalog.importing import Given, import_files
from schemas.errors import ConfigurationError

HOSTILE = {
    "a number of thousands of digits": (b'{"services": [{"id": ' + b"1" * 5_000 + b"}]}", "catalog_syntax"),
    "half of a surrogate pair": (b'{"services": [{"id": "\\ud800"}]}', "catalog_not_text"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str) -> None:
    raw, code = HOSTILE[name]
    with pytest.raises(ConfigurationError) as met:
        import_files([Given("hostile.json", raw)])
    assert met.value.code == code
