"""A job says which plugins took part in it, and in which version."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from reelwork import Studio
from reelwork.cli.views.job_page import story
from reelwork.plugins.taking_part import version_in
from reelwork.studio.job_json import story_as_json
from reelwork_hooks import Clip, Job, Phase, Plugin, PluginVersion, Prompt, Receipt, hookimpl

PROMPT = "A lighthouse in the rain at night"
# As installed: an editable installation keeps the version that it was made with.
INSTALLED = version("reelwork")
OURS = {"package": "reelwork", "version": INSTALLED}


class Loud(Plugin):
    """Makes the prompt loud."""

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        return prompt.replace(text=prompt.text.upper())


def test_a_whole_job_names_them_in_its_page_its_json_and_its_sidecar(tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(
        "from reelwork_hooks import Plugin, hookimpl\n\n\nclass Shout(Plugin):\n    '''Shouts.'''\n\n"
        "    @hookimpl\n    def prompt_transform(self, prompt):\n"
        "        return prompt.replace(text=prompt.text.upper())\n"
    )
    workflow: dict[str, Any] = {
        "plugins": {"add": [str(tmp_path / "shout.py")], "publish": []},
        "brief": {"duration": 0.5, "resolution": "360p"},
    }
    with Studio(workflow, store=tmp_path / "store.db", out=tmp_path / "out") as studio:
        (job,) = studio.run_sync(PROMPT).jobs
        row = studio.store.job(job.id)
        assert row is not None
        told, page = story_as_json(studio.store, row), "\n".join(story(studio.store, row))
    # Not the folder of a file: sidecars may be stored where others read them.
    shout = {"package": "shout.py", "version": ""}
    expected = {
        "local": OURS,
        "platform-style": OURS,
        "preview": OURS,
        "rules": OURS,
        "shout": shout,
        "thumbnail": OURS,
    }
    assert told["plugins"] == expected
    assert {name: found.model_dump() for name, found in job.plugins.items()} == expected
    (sidecar,) = tmp_path.glob("out/videos/*/*.json")
    assert json.loads(sidecar.read_text())["plugins"] == expected
    assert f"thumbnail       reelwork {INSTALLED}" in page


def test_one_that_was_not_called_did_not_take_part(lab: Any) -> None:
    class Never(Plugin):
        """Is listed, and comes after a failure."""

        phase = Phase.STORE

        @hookimpl
        def post_download(self, clip: Clip) -> None: ...

    class Fails(Plugin):
        """Fails."""

        @hookimpl
        def post_download(self, clip: Clip) -> None:
            raise OSError("no disk")

    lab.add_plugin("fails", Fails, "post_download")
    lab.add_plugin("never", Never, "post_download")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    assert set(job.plugins) == {"fake", "fails"}


def test_the_version_is_that_of_the_last_call(lab: Any) -> None:
    seen: list[PluginVersion] = []

    class Poster(Plugin):
        """Publishes nowhere, at its second try."""

        public = False

        @hookimpl
        def prepare_publish(self, job: Job) -> None:
            seen.append(job.plugins["loud"])
            if len(seen) == 1:
                raise ValueError("not yet")

        @hookimpl
        def publish(self) -> Receipt:
            return Receipt(id="1")

    def installed(version: str) -> None:
        for name, kind in (("loud", Loud), ("poster", Poster)):
            # As if that version of a package were installed.
            object.__setattr__(lab.catalog.add(name, kind), "origin", f"acme-{name} {version}")

    lab.add_plugin("loud", Loud, "prompt_transform")
    lab.add_plugin("poster", Poster, "publish")
    installed("1.0")
    (job,) = lab.studio().run_sync(PROMPT).jobs
    assert job.status == "failed"
    installed("2.0")
    (job,) = lab.studio().resume_sync().jobs
    assert job.status == "done"
    assert job.plugins["loud"] == PluginVersion(package="acme-loud", version="1.0") == seen[1]
    assert job.plugins["poster"] == PluginVersion(package="acme-poster", version="2.0")


@pytest.mark.parametrize(
    ("origin", "package", "version"),
    [
        ("Acme_Board 1.2.dev3+g1", "Acme_Board", "1.2.dev3+g1"),
        ("/home/me/a folder/1.py", "1.py", ""),
        ("this program", "this program", ""),
        ("acme.board:Board", "acme.board:Board", ""),
    ],
)
def test_an_origin_is_taken_apart(origin: str, package: str, version: str) -> None:
    assert version_in(origin) == PluginVersion(package=package, version=version)
