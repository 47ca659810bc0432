"""Jars are renewed beside running brokers: what has not changed is not touched."""

import os
from pathlib import Path

from gateway.local.fetch import replace_changed


def test_only_what_changed_is_replaced_and_what_is_gone_is_deleted(tmp_path: Path) -> None:
    folder, fresh = tmp_path / "jars", tmp_path / "jars.new"
    for place, files in ((folder, {"same": "1", "changed": "1", "old": "1"}), (fresh, {"same": "1", "changed": "2"})):
        place.mkdir()
        for name, text in files.items():
            (place / f"{name}.jar").write_text(text)
    os.utime(folder / "same.jar", ns=(1_000, 1_000))
    (fresh / "added.jar").write_text("1")
    replace_changed(fresh, folder)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "same.jar": "1",
        "changed.jar": "2",
        "added.jar": "1",
    }
    assert (folder / "same.jar").stat().st_mtime_ns == 1_000, "a JVM refuses its archive when a jar's time differs"
    assert not fresh.exists()
