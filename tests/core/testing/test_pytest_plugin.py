"""The pytest plugin as an author has it: in a pytest of its own, with warnings as errors."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "pydantic",
    "av",
    "PIL",
    "httpx",
    "reelwork.engine.loop",
    "reelwork.studio.studio",
    "reelwork_hooks.models",
)


@pytest.fixture
def author(tmp_path: Path):
    """Runs an author's tests."""

    def run(source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "test_it.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *arguments]
        return subprocess.run(
            [*command, "test_it.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    return run


def test_it_is_loaded_by_itself_and_imports_nothing_heavy(author) -> None:
    done = author(
        f"""
import sys


def test_light():
    assert not set({HEAVY!r}) & sys.modules.keys()
    assert "reelwork.testing.pytest_plugin" in sys.modules
"""
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_fixture_is_listed_with_what_it_is(author) -> None:
    shown = author("", "--fixtures").stdout
    for name in (
        "reelwork_job",
        "reelwork_prompt",
        "reelwork_clip",
        "reelwork_post",
        "reelwork_context",
        "fake_remote",
        "fake_provider",
        "recorded_http",
    ):
        entry = re.search(rf"^{name} -- .*\n    (.+)$", shown, re.MULTILINE)
        assert entry is not None, f"{name} is not listed"
        assert entry[1] != "no docstring available"


def test_the_fixtures_fit_together(author) -> None:
    done = author(
        """
from reelwork.testing import call_hook, studio_with
from reelwork_hooks import Plugin, Receipt, hookimpl


class Wall(Plugin):
    "Posts nowhere."

    public = False

    @hookimpl
    def publish(self, post):
        return Receipt(id=post.clip.video.sha256)


def test_values(reelwork_job, reelwork_prompt, reelwork_clip, reelwork_post, reelwork_context, tmp_path):
    assert reelwork_job.prompt == reelwork_prompt
    assert reelwork_clip.video.path.is_relative_to(tmp_path)
    assert (reelwork_clip.video.codec, reelwork_clip.video.duration) == ("h264", 1.0)
    published = call_hook(Wall, "publish", context=reelwork_context, post=reelwork_post, job=reelwork_job)
    assert published.receipt.id == reelwork_clip.video.sha256


def test_a_whole_run(fake_remote, fake_provider, tmp_path):
    from reelwork_hooks import hookimpl

    class Brings:
        "Brings the fake."

        @staticmethod
        @hookimpl
        def register_providers():
            return {"fake": fake_provider}

    workflow = {"provider": {"use": "fake", "poll_interval": 0.01}, "plugins": {"publish": ["wall"]}}
    with studio_with({"fake": Brings, "wall": Wall}, tmp_path, workflow) as studio:
        (job,) = studio.run_sync("A lighthouse at dawn", duration=1, resolution="480p").jobs
    assert job.status == "done", job.reason
    assert len(fake_remote.creates) == 1


def test_recorded(recorded_http):
    import urllib.request

    recorded_http.play("one.json")
    with urllib.request.urlopen(recorded_http.url + "/a") as answer:
        assert answer.read() == b"hello"
""".replace(
            "recorded_http.play(",
            "__import__('pathlib').Path(__file__).with_name('one.json').write_text("
            '\'[{"request": {"path": "/a"}, "response": {"text": "hello"}}]\'); recorded_http.play(',
        )
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_a_test_that_asks_for_what_is_not_recorded_fails_and_says_so(author) -> None:
    done = author(
        """
import urllib.error
import urllib.request


def test_it(recorded_http):
    recorded_http.play([{"request": {"path": "/right"}}])
    try:
        urllib.request.urlopen(recorded_http.url + "/wrong")
    except urllib.error.HTTPError as error:
        error.close()
"""
    )
    assert done.returncode == 1
    assert "not recorded: GET /wrong (left to play: GET /right)" in done.stdout
    assert "recorded and not asked: GET /right" in done.stdout
