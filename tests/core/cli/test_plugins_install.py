"""`plugins install` and `uninstall`: what is asked, refused and told. Installations are in tests/packaging."""

from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.plugin_use import jobs_using


def test_nothing_is_installed_without_a_yes(cli) -> None:
    said = cli("plugins", "install", "rw-no-such-package")
    assert said.code == 2
    assert "pip install --constraint" in said.err
    assert "rw-no-such-package" in said.err
    assert "nobody to ask here" in said.err
    assert "Nothing was changed." in said.err


@pytest.mark.parametrize("words", [("install", "click"), ("uninstall", "click"), ("uninstall", "bluesky")])
def test_what_belongs_to_reelwork_stays(cli, words: tuple[str, ...]) -> None:
    said = cli("plugins", *words, "--yes", "--json")
    assert said.code == 2
    assert said.json["error"]["money"] == "Nothing was changed."


def test_the_jobs_that_go_on_with_a_package_are_known_by_what_was_launched(
    cli, plugin, tmp_path: Path, folder: Path
) -> None:
    name = plugin("@hookimpl\ndef pre_moderate(self, content):\n    return Verdict.hold('wait', 'x')")
    small = ("--duration", "0.5", "--resolution", "480p")
    assert cli("run", "A lighthouse", "--plugin", name, *small).code == 3
    assert cli("run", "A harbour at dawn", *small).code == 0
    store = SqliteStore(tmp_path / "data" / "reelwork" / "store.db")
    try:
        assert jobs_using(store, ["rw-other"]) == {}
        found = jobs_using(store, ["reelwork"])
    finally:
        store.close()
    assert found["preview"] == 1, "one job is held, and one is done"
    assert found["rules"] == 1
