from __future__ import annotations

from pathlib import Path

import pytest

from reelwork.user_folders import cache_folder, config_folder, data_folder

FOLDERS = {
    "XDG_CACHE_HOME": (cache_folder, ".cache"),
    "XDG_CONFIG_HOME": (config_folder, ".config"),
    "XDG_DATA_HOME": (data_folder, ".local/share"),
}


@pytest.mark.parametrize("variable", FOLDERS)
def test_each_folder_is_where_the_specification_says(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, usual = FOLDERS[variable]
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv(variable, raising=False)
    assert folder() == Path("/home/me") / usual / "reelwork"
    assert folder({variable: "relative"}) == folder({variable: ""}) == folder()
    monkeypatch.setenv(variable, "/elsewhere")
    assert folder() == Path("/elsewhere/reelwork")
    assert folder({}) == Path("/home/me") / usual / "reelwork"
