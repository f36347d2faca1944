"""What `docs/hook-policy.md` promises: old plugins go on working, too new ones are told what they need."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest
from packaging.version import Version

from reelwork import __version__
from reelwork.plugins.catalog import GROUP, Catalog
from reelwork.plugins.definition import HOOKS
from reelwork.plugins.dispatcher import Dispatcher
from reelwork.plugins.hook_versions import SINCE
from reelwork.plugins.needed_version import lower_bound, needed_by
from reelwork.testing import call_hook, sample_content, sample_post, sample_prompt, studio_with
from reelwork.testing.check.declarations import check_declarations
from reelwork.testing.contexts import SampleContext
from reelwork_hooks import PluginInvalid, hookspec, specs

OLD = Path(__file__).parent / "old_plugins"
CHANGELOG = Path(__file__).parents[3] / "CHANGELOG.md"
NEWEST = re.findall(r"^## (\d[\d.]*) - ", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)[0]
"""The newest version in the changelog."""
HEAD = "from reelwork_hooks import Plugin, Receipt, hookimpl\n\n\nclass New(Plugin):\n    '''New.'''\n\n"


def old(name: str) -> Any:
    return Catalog([]).get_file(OLD / f"{name}.py").target


def test_a_checkout_is_the_version_that_its_changelog_begins_with() -> None:
    """So a package that needs what is new can say so, and `plugins new` writes the right requirement."""
    assert __version__ == NEWEST


# --- an old plugin --------------------------------------------------------------------------------------------


def test_the_example_of_the_first_version_still_loads_and_runs() -> None:
    changed = call_hook(old("camera_move_0_1"), "prompt_transform", settings={"move": "orbit"})
    assert changed == sample_prompt(text=f"{sample_prompt().text}, camera: orbit")


def test_a_plugin_that_asks_for_fewer_arguments_than_there_are_runs_at_every_hook() -> None:
    quiet = old("quiet_0_1")
    assert call_hook(quiet, "pre_moderate", content=sample_content(text="LOUD")).reason == "shouting"
    for hook in ("pre_moderate", "prompt_transform", "post_download", "job_event"):
        assert call_hook(quiet, hook) is None
    published = call_hook(quiet, "publish")
    assert (published.state, published.receipt.id) == ("published", "sample-1")
    assert published.prepared == "prepared"


def test_an_old_plugin_makes_a_whole_job(tmp_path: Path) -> None:
    workflow = {
        "plugins": {hook: ["quiet"] for hook in ("pre_moderate", "prompt_transform", "post_download", "publish")}
    }
    with studio_with({"quiet": old("quiet_0_1")}, tmp_path, workflow) as studio:
        (job,) = studio.run_sync("A lighthouse at dawn", duration=0.5, resolution="480p").jobs
    assert (job.status, job.receipts["quiet"].id) == ("done", "quiet-1")


def test_a_method_called_like_a_later_hook_is_left_alone(tmp_path: Path) -> None:
    helper = "    @hookimpl\n    def publish(self, post): return Receipt(id=self.check_brief(post.title))\n\n"
    helper += "    def check_brief(self, brief): return brief.upper()\n"
    path = tmp_path / "helping.py"
    path.write_text(HEAD + helper)
    definition = Catalog([]).get_file(path)
    assert definition.hooks == ("publish",)
    published = call_hook(definition.target, "publish")
    assert published.receipt.id == sample_post().title.upper()
    findings = check_declarations(definition, SampleContext(tmp_path), {})
    told = {finding.message for finding in findings if finding.about == "check_brief"}
    assert told == {"is not marked, so it is never called as a hook."}


# --- how a hook may change ------------------------------------------------------------------------------------


def manager_of_the_next_version(spec: Any) -> pluggy.PluginManager:
    """What knows today's hooks, but with another `publish`."""
    manager = pluggy.PluginManager(specs.PROJECT)
    others = {name: getattr(specs, name) for name in HOOKS if name != "publish"}
    manager.add_hookspecs(
        type("Specs", (), {name: staticmethod(one) for name, one in {**others, "publish": spec}.items()})
    )
    return manager


def published_by(manager: pluggy.PluginManager, **arguments: Any) -> Any:
    manager.register(old("quiet_0_1")(None, None), name="quiet")
    manager.check_pending()
    return asyncio.run(Dispatcher(manager, {}).call("quiet", "publish", **arguments))


def test_a_new_argument_changes_nothing_for_an_old_plugin() -> None:
    @hookspec
    def publish(post: Any, job: Any, effect: Any, audience: Any) -> Any: ...

    manager = manager_of_the_next_version(publish)
    post = SimpleNamespace(destination="wall")
    receipt = published_by(manager, post=post, job=None, effect=None, audience="everyone")
    assert receipt.id == "wall-1"


def test_an_argument_that_will_go_warns_for_a_cycle_and_is_still_passed() -> None:
    gone = DeprecationWarning("publish: `post` goes in 2.0; take `effect` instead")

    @hookspec(warn_on_impl_args={"post": gone})
    def publish(post: Any, job: Any, effect: Any) -> Any: ...

    manager = manager_of_the_next_version(publish)
    with pytest.warns(DeprecationWarning, match=r"goes in 2\.0") as caught:
        receipt = published_by(manager, post=SimpleNamespace(destination="wall"), job=None, effect=None)
    assert receipt.id == "wall-1"
    assert caught[0].filename.endswith("quiet_0_1.py"), "the warning names the plugin's own file"


def test_today_s_hooks_warn_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call_hook(old("quiet_0_1"), "publish")


# --- the table ------------------------------------------------------------------------------------------------


def test_the_table_has_every_hook_and_argument_and_no_other() -> None:
    written = {hook: list(inspect.signature(getattr(specs, hook)).parameters) for hook in HOOKS}
    assert {hook: list(arguments) for hook, arguments in SINCE.items()} == written
    for arguments in SINCE.values():
        for version in arguments.values():
            assert Version(version) <= Version(NEWEST)


def test_what_a_plugin_needs_is_the_newest_of_what_it_asks_for() -> None:
    assert needed_by({"publish": old("quiet_0_1").publish}) == "0.1.0"
    table = {"publish": {"post": "0.1.0", "audience": "0.10.0", "effect": "0.9.0"}}

    def publish(post: Any, effect: Any, audience: Any) -> Any: ...

    assert needed_by({"publish": publish}, table) == "0.10.0"


@pytest.mark.parametrize(
    ("requirement", "bound"),
    [
        ("reelwork>=0.3,<2", "0.3"),
        ("reelwork[storage] >= 1.10.2 ; python_version > '3'", "1.10.2"),
        ("Reelwork~=2.1", "2.1"),
        ("reelwork", ""),
        ("reelwork<2", ""),
        ("reelwork-camera>=9", None),
        ("httpx>=1", None),
    ],
)
def test_the_oldest_version_a_requirement_allows(requirement: str, bound: str | None) -> None:
    assert lower_bound(requirement) == bound


@pytest.mark.parametrize(
    ("requirement", "bound"),
    [
        ("reelwork>=1.9.3,>=1.10", "1.10"),
        ("reelwork>=0.2.0,>=0.2rc1", "0.2.0"),
        ("reelwork==1.*", "1"),
        ("reelwork!=1.4,<2", ""),
        ("reelwork >> 1", None),
    ],
)
def test_bounds_are_compared_as_pip_compares_versions(requirement: str, bound: str | None) -> None:
    assert lower_bound(requirement) == bound


# --- a too new plugin -----------------------------------------------------------------------------------------


def installed(folder: Path, source: str, requires: str) -> Catalog:
    """A distribution with one plugin, as pip leaves it."""
    module = f"rw_new_{abs(hash(source + requires))}"
    (folder / f"{module}.py").write_text(source)
    info = folder / "sample-1.0.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: sample\nVersion: 1.0\nRequires-Dist: {requires}\n"
    (info / "METADATA").write_text(metadata)
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nnew = {module}:New\n")
    found = importlib.metadata.distributions(path=[str(folder)])
    return Catalog([entry for distribution in found for entry in distribution.entry_points])


TOO_NEW = {
    "an argument": HEAD + "    @hookimpl\n    def publish(self, post, attempt): ...\n",
    "a name": HEAD.replace("Receipt", "Audience") + "    @hookimpl\n    def publish(self, post): ...\n",
    "a hook": HEAD + "    @hookimpl\n    def pre_render(self, job): ...\n",
}


@pytest.mark.parametrize("source", TOO_NEW.values(), ids=TOO_NEW)
def test_a_too_new_plugin_is_told_which_version_it_needs(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginInvalid) as caught:
        installed(tmp_path, source, "reelwork>=7.3,<9").get("new")
    assert caught.value.hint == (
        f'Its package needs reelwork 7.3 or newer; this is {__version__}: pip install -U "reelwork>=7.3"'
    )


def test_what_an_extra_needs_is_not_asked_of_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginInvalid) as caught:
        installed(tmp_path, TOO_NEW["an argument"], "reelwork>=7.3; extra == 'later'").get("new")
    assert "Its package needs" not in caught.value.hint


def test_an_argument_that_no_version_passes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginInvalid) as caught:
        installed(tmp_path, TOO_NEW["an argument"], "reelwork>=0.1,<2").get("new")
    assert f"asks for 'attempt', which no version of Reelwork up to {__version__} passes to publish" in str(
        caught.value
    )
    assert "It passes: publish(post, job, effect)" in caught.value.hint
