"""The settings in force, each with where it was written, and no secret among them."""

from __future__ import annotations

from pathlib import Path

from reelwork.studio.settings_in_force import DEFAULT, HIDDEN, settings_in_force

OWN = """
[brief]
duration = 5
n = 2
[provider]
use = "videos-api"
base_url = "https://ana:hush@videos.example.com/v1?key=hush"
api_key = "sk-hush-hush-hush-hush"
poll_interval = 7
[plugin.rules]
hold = ["celebrity"]
tokens = ["hush-hush-hush"]
"""
COMMON = """
[brief]
duration = 4
[provider]
use = "kling"
api_key = "env:NAMED"
timeout = 3
[webhooks.shop]
url = "https://x.example/hush"
secret = "env:NAMED"
[budget]
per_day = 10
"""


def test_each_setting_is_told_with_where_it_is_from(tmp_path: Path) -> None:
    common, own = tmp_path / "reelwork.toml", tmp_path / "flow.toml"
    common.write_text(COMMON, encoding="utf-8")
    own.write_text(OWN, encoding="utf-8")
    found = {one.key: one for one in settings_in_force(own, tmp_path, {"REELWORK_PROVIDER_POLL_INTERVAL": "9"})}
    told = {key: (one.value, one.where) for key, one in found.items()}
    assert told["brief.duration"] == ("5", str(own))
    assert told["brief.takes"][0] == "2"
    assert told["provider.poll_interval"] == ("9", "the environment (REELWORK_…)")
    assert told["provider.base_url"] == ("https://ana:***@videos.example.com/v1", str(own))
    assert told["provider.api_key"] == (HIDDEN, str(own))
    assert told["plugin.rules.hold"] == ('["celebrity"]', str(own))
    assert told["plugin.rules.tokens"][0] == HIDDEN
    assert float(told["budget.per_day"][0].strip("'")) == 10
    assert told["budget.per_day"][1] == str(common)
    assert any(where == DEFAULT for _, where in told.values())
    # The settings of the provider that is not used are not in force, and those of the server are no part of it.
    assert "provider.timeout" not in told
    assert not any(key.startswith("webhooks") for key in told)
    assert "hush" not in str(told)


def test_a_reference_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "reelwork.toml").write_text(COMMON, encoding="utf-8")
    told = {one.key: one.value for one in settings_in_force(None, tmp_path, {})}
    assert told["provider.api_key"] == "env:NAMED"
