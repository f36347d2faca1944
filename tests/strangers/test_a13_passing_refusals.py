"""A destination that refuses for a day is asked again when a person says so, and nothing is posted twice."""

from __future__ import annotations

import pytest
from tests.strangers.conftest import Desk

PLUGIN = '''
from pathlib import Path

from reelwork_hooks import OutOfFunds, Plugin, Receipt, Rejected, hookimpl


class Daily(Plugin):
    """Takes nothing until the file `tomorrow` is there."""

    public = False

    @hookimpl
    def publish(self, effect):
        if not (self.context.base_dir / "tomorrow").exists():
            raise {error}("the daily limit of 10 posts is reached", hint="Wait until tomorrow.")
        with (self.context.base_dir / "posts.txt").open("a") as posts:
            posts.write(effect.key + "\\n")
        return Receipt(id="post-1")
'''
WORKFLOW = """
out = "out"
[brief]
prompt = "A red fox in the snow"
duration = 1
resolution = "480p"
[provider]
use = "preview"
[plugins]
publish = ["./daily.py"]
post_download = []
"""


@pytest.mark.parametrize(("error", "status"), [("Rejected", "rejected")])
def test_a_daily_limit_can_be_retried(desk: Desk, error: str, status: str) -> None:
    desk.write("daily.py", PLUGIN.replace("{error}", error))
    ended = desk.reelwork("run", desk.write("w.toml", WORKFLOW), "--yes")
    assert ended.code != 0
    [job] = desk.jobs()
    assert job["status"] == status
    assert "jobs retry" in ended.text
    (desk.folder / "tomorrow").touch()
    ended = desk.reelwork("jobs", "retry", str(job["id"]))
    assert ended.code == 0, ended.text
    assert [one["status"] for one in desk.jobs()] == ["done"]
    assert len((desk.folder / "posts.txt").read_text().splitlines()) == 1
