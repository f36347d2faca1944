"""`plugins check` on a command line: exit codes, JSON, and text that fits the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SOURCE = """
from reelwork_hooks import Plugin, hookimpl


class Mine(Plugin):
    '''Mine.'''

    @hookimpl
    def prompt_transform(self, prompt):
        return 1
"""


def test_exit_codes_tell_fine_wrong_and_missing_apart(cli: Any, folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    assert cli("plugins", "check", "rules").code == 0
    wrong = cli("plugins", "check", "mine.py")
    assert wrong.code == 1
    assert "error    prompt_transform on sample values, returned int; it must return Prompt" in wrong.out
    assert "1 error, 0 warnings, 0 notes" in wrong.out
    missing = cli("plugins", "check", "ruels")
    assert (missing.code, "Did you mean 'rules'?" in missing.err) == (2, True)


def test_json_has_everything(cli: Any, folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    answer = cli("plugins", "check", "mine.py", "--json").json
    assert answer["exit_code"] == 1
    (report,) = answer["checked"]
    assert (report["plugin"], report["errors"]) == ("mine", 1)
    assert report["findings"][0].keys() == {"level", "about", "message", "hint"}


def test_settings_and_the_time_limit_reach_the_hooks(cli: Any, folder: Path) -> None:
    assert cli("plugins", "check", "rules", "--set", "shortest=3").code in (0, 2)
    assert cli("plugins", "check", "rules", "--set", "no_such=3").code == 2
    assert cli("plugins", "check", "rules", "--time-limit", "0").code == 2
