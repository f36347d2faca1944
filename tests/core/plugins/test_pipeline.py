from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.planning.briefs import plan_brief
from reelwork.plugins.freezing import freeze, thaw
from reelwork.plugins.pipeline import Pipeline
from reelwork.store.ceilings import Budget, Quota
from reelwork_hooks import Brief, Config, Context, Plugin, PluginInvalid, SecretNotFound, SecretRef, hookimpl

Write = Callable[..., str]
LIFECYCLE_OFF = "pre_moderate = []\nprompt_transform = []\npost_download = []\npublish = []\n"


class Poster(Plugin):
    """Publishes nowhere; keeps what it was made with."""

    class Config(Config):
        token: SecretRef | None = None
        board: str = "main"

    @hookimpl
    def publish(self) -> None: ...

    @hookimpl
    def find_post(self) -> None: ...


def refused(workshop: Any, text: str, kind: type[Exception] = WorkflowInvalid) -> Any:
    with pytest.raises(kind) as caught:
        workshop.build(text)
    return caught.value


# --- what a workflow without words means ----------------------------------------------------------------------


def test_the_usual_plugins_in_the_usual_order(workshop: Any) -> None:
    pipeline = workshop.build()
    assert pipeline.order == {
        "pre_moderate": ("rules",),
        "prompt_transform": ("platform-style",),
        "post_download": ("thumbnail", "local"),
        "publish": ("gallery",),
        "job_event": (),
    }
    assert set(pipeline.instances) == {"rules", "platform-style", "thumbnail", "local", "gallery"}
    assert (pipeline.provider_name, pipeline.account) == ("preview", "preview")
    assert pipeline.dispatcher.has("gallery", "publish")
    assert not pipeline.dispatcher.has("gallery", "pre_moderate")
    assert all(version.startswith("reelwork ") for version in pipeline.versions().values())
    assert set(pipeline.versions()) == {*pipeline.instances, "preview"}


def test_limits_and_budgets_reach_the_ledger_in_its_own_terms(workshop: Any) -> None:
    pipeline = workshop.build("[limits]\nconcurrent = 2\n[budget]\nper_day = 0.10\nper_job = 2\n")
    assert pipeline.quota == Quota(None, None, 2)
    assert pipeline.budget == Budget(2_000_000, None, 100_000, None)


# --- instances ------------------------------------------------------------------------------------------------


def test_one_plugin_may_be_used_as_several_instances(workshop: Any) -> None:
    workshop.catalog.add("poster", Poster)
    pipeline = workshop.build(
        "[plugins]\npublish = ['brand-b', 'poster', 'brand-a']\n"
        "[plugin.brand-a]\nuse = 'poster'\nboard = 'a'\ntime_limit = 3\n[plugin.brand-b]\nuse = 'poster'\n"
    )
    assert pipeline.order["publish"] == ("brand-b", "poster", "brand-a")
    boards = {name: pipeline.instances[name].config.board for name in pipeline.order["publish"]}
    assert boards == {"brand-b": "main", "poster": "main", "brand-a": "a"}
    assert pipeline.instances["brand-a"].context.name == "brand-a"
    assert pipeline.dispatcher.has("brand-a", "find_post")


def test_a_table_that_is_nobodys_is_refused(workshop: Any, tmp_path: Path) -> None:
    error = refused(workshop, "[plugin.galery]\ntitle = 'x'\n", NotFound)
    assert error.message == "There is no plugin named 'galery'. Did you mean 'gallery'?"
    assert error.hint == f"{tmp_path / 'flow.toml'} has a table [plugin.galery] for it."


def test_settings_of_an_installed_plugin_that_is_not_listed_do_no_harm(workshop: Any) -> None:
    assert "gallery" not in workshop.build("[plugins]\npublish = []\n[plugin.gallery]\nx = 1\n").instances


def test_an_unknown_name_in_a_list_is_answered_with_a_near_one(workshop: Any) -> None:
    error = refused(workshop, "[plugins]\npublish = ['brand-b']\n[plugin.brand-a]\nuse = 'gallery'\n", NotFound)
    assert error.message == "There is no plugin named 'brand-b'. Did you mean 'brand-a'?"
    assert "lists it" in error.hint
    assert (
        "'gallry'"
        in refused(workshop, "[plugins]\npublish = ['x']\n[plugin.x]\nuse = 'gallry'\n", NotFound).message
    )


def test_a_wrong_setting_is_told_with_its_line(workshop: Any, tmp_path: Path) -> None:
    error = refused(workshop, "\n[plugin.thumbnail]\nwidht = 3\n")
    assert error.message == f"{tmp_path / 'flow.toml'}, line 3: unknown key 'plugin.thumbnail.widht'"
    assert "Did you mean 'width'?" in error.hint
    assert "line 2: provider.poll_interval = 0" in refused(workshop, "[provider]\npoll_interval = 0\n").message


def test_a_list_with_a_plugin_that_lacks_the_hook_is_refused(workshop: Any) -> None:
    error = refused(workshop, "[plugins]\npublish = ['gallery', 'thumbnail']\n")
    assert error.message == (
        "plugins.publish lists 'thumbnail', which does not implement publish; it has post_download."
    )
    assert "no hook of a job" in refused(workshop, "[plugins]\npre_moderate = ['platforms']\n").message
    assert "has no hook that runs for a job" in refused(workshop, "plugins = ['platforms']\n").message


def test_a_plugin_that_cannot_be_made_is_told(workshop: Any) -> None:
    class Fragile(Poster):
        def __init__(self, config: Config, context: Context) -> None:
            raise ZeroDivisionError("oops")

    class Odd(Poster):
        def __init__(self) -> None: ...

    workshop.catalog.add("fragile", Fragile)
    workshop.catalog.add("odd", Odd)
    error = refused(workshop, "[plugins]\npublish = ['fragile']\n", PluginInvalid)
    assert error.message == "The plugin 'fragile' (this program) could not be started: ZeroDivisionError: oops"
    assert (
        "__init__(self, config, context)" in refused(workshop, "[plugins]\npublish = ['odd']\n", PluginInvalid).hint
    )


def test_an_unknown_provider(workshop: Any) -> None:
    error = refused(workshop, "[provider]\nuse = 'preveiw'\n", NotFound)
    assert error.message == "There is no provider named 'preveiw'. Did you mean 'preview'?"
    assert error.hint == "Known: fake, fal, kling, preview, videos-api."


# --- order and phases -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        (("store", "edit"), "'edit' (edit) after 'store' (store)"),
        (("store", "sign"), "'sign' (sign) after 'store' (store)"),
        (("edit", "sign", "edit2", "store"), "'edit2' (edit) after 'sign' (sign)"),
    ],
)
def test_phases_out_of_order_are_refused(
    workshop: Any, plugin_file: Write, listed: tuple[str, ...], wrong: str
) -> None:
    files = [plugin_file(f"{name}.py", "post_download", phase=name.rstrip("2").upper()) for name in listed]
    error = refused(workshop, f"[plugins]\npost_download = {files}\n")
    assert f"post_download lists {wrong}" in error.message
    assert "edit, then sign, then store" in error.hint


def test_plugins_of_one_phase_stay_in_the_order_of_the_list(workshop: Any, plugin_file: Write) -> None:
    files = [plugin_file(f"{name}.py", "post_download") for name in ("b", "c", "a")]
    assert workshop.build(f"[plugins]\npost_download = {files}\n").order["post_download"] == ("b", "c", "a")


def test_added_plugins_run_at_each_of_their_hooks_and_in_their_phase(workshop: Any, plugin_file: Write) -> None:
    files = [
        plugin_file("keep.py", "post_download", "publish", phase="STORE"),
        plugin_file("watermark.py", "post_download", "job_event"),
        plugin_file("seal.py", "post_download", "pre_moderate", phase="SIGN"),
    ]
    order = workshop.build(f"plugins = {files}\n").order
    assert order == {
        "pre_moderate": ("rules", "seal"),
        "prompt_transform": ("platform-style",),
        "post_download": ("thumbnail", "watermark", "seal", "local", "keep"),
        "publish": ("gallery", "keep"),
        "job_event": ("watermark",),
    }


def test_a_plugin_that_is_added_and_listed_runs_once(workshop: Any, plugin_file: Write) -> None:
    file = plugin_file("both.py", "publish", "pre_moderate")
    order = workshop.build(f"[plugins]\npublish = ['{file}']\nadd = ['{file}', 'gallery']\n").order
    assert (order["publish"], order["pre_moderate"]) == (("both", "gallery"), ("rules", "both"))


# --- single files ---------------------------------------------------------------------------------------------


def test_a_file_is_found_beside_the_workflow_and_has_its_table(workshop: Any, plugin_file: Write) -> None:
    plugin_file("parts/my_rules.py", "pre_moderate", config="words: tuple[str, ...] = ()")
    pipeline = workshop.build(
        "[plugins]\npre_moderate = ['parts/my_rules.py']\n[plugin.my-rules]\nwords = ['x']\ntime_limit = 2\n"
    )
    assert pipeline.order["pre_moderate"] == ("my-rules",)
    assert pipeline.instances["my-rules"].config.words == ("x",)
    assert (
        "line 4: unknown key 'plugin.my-rules.wrods'"
        in refused(
            workshop, "[plugins]\npre_moderate = ['parts/my_rules.py']\n[plugin.my-rules]\nwrods = ['x']\n"
        ).message
    )


def test_a_file_may_be_used_as_named_instances(workshop: Any, plugin_file: Write) -> None:
    file = plugin_file("poster.py", "publish")
    pipeline = workshop.build(
        f"[plugins]\npublish = ['a', 'b']\n[plugin.a]\nuse = '{file}'\n[plugin.b]\nuse = '{file}'\n"
    )
    assert pipeline.order["publish"] == ("a", "b")
    assert pipeline.instances["a"] is not pipeline.instances["b"]


def test_a_missing_file_is_told_with_its_whole_path(workshop: Any, tmp_path: Path) -> None:
    assert str(tmp_path / "none.py") in refused(workshop, "plugins = ['./none.py']\n", PluginInvalid).message


def test_two_files_of_one_name_are_refused(workshop: Any, plugin_file: Write) -> None:
    files = [plugin_file("a/mine.py", "publish"), plugin_file("b/mine.py", "publish")]
    assert "would both be called 'mine'" in refused(workshop, f"plugins = {files}\n").message
    hidden = plugin_file("gallery.py", "publish")
    assert "would both be called 'gallery'" in refused(workshop, f"plugins = ['{hidden}']\n").message


def test_one_file_written_in_two_ways_is_one_plugin(workshop: Any, plugin_file: Write) -> None:
    plugin_file("mine.py", "publish", "pre_moderate")
    order = workshop.build("[plugins]\npublish = ['mine.py']\nadd = ['./mine.py']\n").order
    assert (order["publish"], order["pre_moderate"]) == (("mine",), ("rules", "mine"))


def test_a_file_may_bring_the_provider_and_a_platform(workshop: Any, tmp_path: Path) -> None:
    (tmp_path / "house.py").write_text(
        "from reelwork_hooks import Platform, hookimpl\n"
        "from reelwork_plugins.providers.preview.provider import PreviewProvider\n"
        "@hookimpl\ndef register_providers():\n    return {'house': PreviewProvider}\n"
        "@hookimpl\ndef register_platforms():\n"
        "    return [Platform(name='wall', aspect_ratio='21:9', longest_duration=300)]\n"
    )
    pipeline = workshop.build("plugins = ['./house.py']\n[provider]\nuse = 'house'\n")
    assert pipeline.provider_origin == str(tmp_path / "house.py")
    (job,) = plan_brief(pipeline, Brief(prompt="a fox", platforms=("wall",), duration=50)).jobs
    assert job.spec.size == "1706x720"
    assert workshop.thawed(thaw(freeze(pipeline))).provider_name == "house"


# --- planning -------------------------------------------------------------------------------------------------


def test_planning_knows_the_workflows_own_platforms(workshop: Any) -> None:
    pipeline = workshop.build(
        "[platform.x]\nlongest_duration = 20\n[platform.wall]\naspect_ratio = '21:9'\nlongest_duration = 300\n"
        "aliases = ['lobby']\n"
    )
    jobs = plan_brief(
        pipeline, Brief(prompt="a fox", duration=25, platforms=("twitter", "x", "lobby", "tiktok"))
    ).jobs
    assert [(job.platform and job.platform.name, job.spec.duration) for job in jobs] == [
        ("twitter", 20),
        ("wall", 25),
        ("tiktok", 25),
    ]
    with pytest.raises(NotFound, match=r"no platform named 'tictok'\. Did you mean 'tiktok'"):
        plan_brief(pipeline, Brief(prompt="a fox", platforms=("tictok",)))


# --- freezing -------------------------------------------------------------------------------------------------


def same(pipeline: Pipeline, other: Pipeline) -> bool:
    return (
        pipeline.loaded == other.loaded
        and pipeline.order == other.order
        and pipeline.account == other.account
        and pipeline.provider.config == other.provider.config
        and pipeline.versions() == other.versions()
        and {name: instance.config for name, instance in pipeline.instances.items()}.keys()
        == other.instances.keys()
        and all(
            instance.config.model_dump() == other.instances[name].config.model_dump()
            for name, instance in pipeline.instances.items()
        )
    )


FULL = """
name = "animals"
out = "elsewhere"
[brief]
duration = 4
metadata = { campaign = "spring" }
[provider]
use = "videos-api"
base_url = "http://127.0.0.1:8000/v1"
api_key = "env:REELWORK_TEST_KEY"
price_per_second = 0.10
[limits]
concurrent = 2
[budget]
per_day = 0.30
[plugins]
publish = ["gallery", "second"]
add = ["./watermark.py"]
[plugin.second]
use = "gallery"
[plugin.thumbnail]
width = 320
[platform.tiktok]
longest_duration = 20
"""


def test_a_frozen_pipeline_thaws_to_an_equal_one(
    workshop: Any, plugin_file: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plugin_file("watermark.py", "post_download")
    pipeline = workshop.build(FULL)
    frozen = freeze(pipeline)
    # A later process runs elsewhere, and the file has been changed meanwhile.
    (tmp_path / "flow.toml").write_text("name = 'changed'\n")
    monkeypatch.chdir("/")
    thawed = workshop.thawed(thaw(frozen))
    assert same(thawed, pipeline)
    assert thawed.workflow.budget.per_day == Decimal("0.3")
    assert thawed.loaded.out == tmp_path / "elsewhere"
    assert freeze(thawed) == frozen


def test_what_options_and_the_environment_said_is_frozen_too(workshop: Any) -> None:
    pipeline = workshop.build("name = 'x'\n", budget={"per_job": "0.05"}, brief={"seed": 3})
    workflow = thaw(freeze(pipeline)).workflow
    assert (workflow.budget.per_job, workflow.brief) == (Decimal("0.05"), {"seed": 3})


def test_no_secret_is_ever_frozen(
    workshop: Any, plugin_file: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REELWORK_TEST_KEY", "sk-very-secret-1")
    (tmp_path / "token").write_text("very-secret-2\n")
    plugin_file("watermark.py", "post_download")
    workshop.catalog.add("poster", Poster)
    pipeline = workshop.build(
        FULL.replace('"gallery", ', '"poster", "gallery", ') + "[plugin.poster]\ntoken='file:token'\n"
    )
    pipeline.check_secrets()
    resolved = [
        pipeline.provider.context.secret(pipeline.provider.config.api_key),
        pipeline.instances["poster"].context.secret(pipeline.instances["poster"].config.token),
    ]
    assert resolved == ["sk-very-secret-1", "very-secret-2"]
    frozen = freeze(pipeline)
    assert "very-secret" not in frozen
    assert json.loads(frozen)["workflow"]["provider"]["api_key"] == "env:REELWORK_TEST_KEY"


def test_a_secret_written_out_is_refused_and_not_repeated(workshop: Any) -> None:
    workshop.catalog.add("poster", Poster)
    text = FULL.replace("env:REELWORK_TEST_KEY", "sk-very-secret").replace("add = ", "add = [] #")
    error = refused(workshop, text)
    assert "line 10: provider.api_key is not possible: give a reference, not the secret itself" in error.message
    assert "very-secret" not in error.explained()
    assert error.__cause__ is not None
    assert "very-secret" not in str(error.__cause__)
    other = refused(workshop, "[plugins]\npublish = ['poster']\n[plugin.poster]\ntoken = 'very-secret'\n")
    assert "very-secret" not in other.explained()


def test_secrets_are_read_before_anything_is_sent(
    workshop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REELWORK_TEST_KEY", raising=False)
    text = "[provider]\nuse = 'videos-api'\nbase_url = 'http://127.0.0.1:8000'\napi_key = 'env:REELWORK_TEST_KEY'\n"
    pipeline = workshop.build(text)
    with pytest.raises(SecretNotFound, match="REELWORK_TEST_KEY is not set"):
        pipeline.check_secrets()
    monkeypatch.setenv("REELWORK_TEST_KEY", "x")
    pipeline.check_secrets()
    workshop.catalog.add("poster", Poster)
    pipeline = workshop.build("[plugins]\npublish = ['poster']\n[plugin.poster]\ntoken = 'file:none'\n")
    with pytest.raises(SecretNotFound, match="file:none"):
        pipeline.check_secrets()


class Courier(Plugin):
    """Its token has a default place, as that of a new package has."""

    class Config(Config):
        token: SecretRef = "env:REELWORK_TEST_KEY"

    @hookimpl
    def publish(self) -> None: ...


def test_a_secret_that_only_a_default_names_is_read_before_anything_is_sent(
    workshop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REELWORK_TEST_KEY", raising=False)
    workshop.catalog.add("courier", Courier)
    text = "[plugins]\npublish = ['courier']\n"
    with pytest.raises(SecretNotFound, match="REELWORK_TEST_KEY is not set") as caught:
        workshop.build(text).check_secrets()
    assert "It is the default of plugin.courier.token" in caught.value.hint
    monkeypatch.setenv("REELWORK_OTHER_KEY", "x")
    workshop.build(text + "[plugin.courier]\ntoken = 'env:REELWORK_OTHER_KEY'\n").check_secrets()
    monkeypatch.setenv("REELWORK_TEST_KEY", "x")
    workshop.build(text).check_secrets()


def test_secrets_of_instances_that_do_not_run_are_not_asked_for(workshop: Any) -> None:
    workshop.catalog.add("poster", Poster)
    workshop.build("[plugin.poster]\ntoken = 'env:REELWORK_NO_SUCH'\n").check_secrets()


def test_the_account_is_the_providers_address_and_key_or_its_own_word(workshop: Any) -> None:
    base = "[provider]\nuse = 'videos-api'\nbase_url = 'http://127.0.0.1:8000/v1/'\n"
    accounts = {
        workshop.build(base).account,
        workshop.build(base.replace("/v1/", "")).account,
        workshop.build(base + "poll_interval = 5\n").account,
    }
    assert accounts == {"videos-api http://127.0.0.1:8000"}
    assert workshop.build(base + "api_key = 'env:KEY'\n").account == "videos-api http://127.0.0.1:8000 env:KEY"
    assert workshop.build(base + "account = 'team'\napi_key = 'env:KEY'\n").account == "videos-api team"


def test_closing_closes_the_provider(workshop: Any) -> None:
    pipeline = workshop.build(f"[plugins]\n{LIFECYCLE_OFF}")
    assert pipeline.instances == {}
    asyncio.run(pipeline.close())
