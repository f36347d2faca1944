from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import WorkflowInvalid
from reelwork.settings.layers import from_assignments, from_environ, scalar, with_one_name
from reelwork.settings.paths import nearest_settings, store_path
from reelwork.settings.validation import line_of
from reelwork.settings.workflow import Loaded, Workflow, brief_from, load, own_platforms
from reelwork_hooks.models import Platform, Reference

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below the test's folder."""

    def to(text: str | bytes, name: str = "flow.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to


def read(path: Path | None, **more: Any) -> Loaded:
    """Load without the environment of whoever runs the tests, from the folder of the file."""
    cwd = more.pop("cwd", path.parent if path else Path("/nowhere"))
    return load(path, environ=more.pop("environ", {}), cwd=cwd, **more)


def problem(path: Path | None, **more: Any) -> WorkflowInvalid:
    with pytest.raises(WorkflowInvalid) as caught:
        read(path, **more)
    return caught.value


# --- layers ---------------------------------------------------------------------------------------------------


def test_without_anything_there_are_defaults(tmp_path: Path) -> None:
    loaded = read(None, cwd=tmp_path)
    assert loaded.workflow == Workflow(name="reelwork")
    assert loaded.workflow.provider.use == "preview"
    assert (loaded.base_dir, loaded.out, loaded.source) == (tmp_path, tmp_path / "reelwork-out", "")


def test_each_layer_lies_over_the_one_below(write: Write) -> None:
    write(
        "out = 'shared'\n[limits]\nconcurrent = 1\nrequests_per_day = 1\nrequests_per_minute = 1\n", "reelwork.toml"
    )
    path = write("[limits]\nconcurrent = 2\nrequests_per_day = 2\n[brief]\nduration = 2\nseed = 2\n")
    environ = {"REELWORK_LIMITS_CONCURRENT": "3", "REELWORK_BRIEF_DURATION": "3.5", "REELWORK_BRIEF_TITLE": "A fox"}
    options = {"limits": {"concurrent": 4}}
    workflow = read(path, environ=environ, options=options).workflow
    limits = workflow.limits
    assert (limits.requests_per_minute, limits.requests_per_day, limits.concurrent) == (1, 2, 4)
    assert workflow.brief == {"duration": 3.5, "seed": 2, "title": "A fox"}
    assert workflow.out == "shared"
    assert read(path, environ={"REELWORK_OUT": "7"}).workflow.out == "7"


def test_the_nearest_settings_file_up_the_tree_counts(write: Write, tmp_path: Path) -> None:
    outer = write("[budget]\nper_day = 1\n", "reelwork.toml")
    deep = tmp_path / "a/b/c"
    deep.mkdir(parents=True)
    assert nearest_settings(deep) == outer
    assert read(None, cwd=deep).workflow.budget.per_day == 1
    inner = write("[budget]\nper_month = 2.50\n", "a/b/reelwork.toml")
    assert nearest_settings(deep) == inner
    budget = read(None, cwd=deep).workflow.budget
    assert (budget.per_day, budget.per_month) == (None, Decimal("2.5"))


def test_paths_are_meant_from_the_workflow_and_results_from_where_it_is_run(write: Write, tmp_path: Path) -> None:
    path = write("out = 'here'\n", "deep/flow.toml")
    loaded = read(path, cwd=tmp_path)
    assert (loaded.base_dir, loaded.out) == (tmp_path / "deep", tmp_path / "here")
    assert loaded.workflow.name == "flow"
    assert loaded.text == "out = 'here'\n"


def test_a_settings_file_may_be_run_as_a_workflow(write: Write) -> None:
    path = write("store = 'jobs.db'\nname = 'mine'\n", "reelwork.toml")
    assert read(path).workflow.name == "mine"


def test_another_provider_leaves_the_settings_of_the_one_below_behind(write: Write) -> None:
    path = write("[provider]\nuse = 'videos-api'\nbase_url = 'http://127.0.0.1:1'\n")
    assert read(path).workflow.provider.settings == {"base_url": "http://127.0.0.1:1"}
    rehearsed = read(path, options={"provider": {"use": "preview"}}).workflow.provider
    assert (rehearsed.use, rehearsed.settings) == ("preview", {})
    same = read(path, options={"provider": {"use": "videos-api", "model": "x"}}).workflow.provider
    assert same.settings == {"base_url": "http://127.0.0.1:1", "model": "x"}


def test_one_layer_may_use_the_tutorials_name_and_another_ours(write: Write) -> None:
    path = write("[brief]\nn = 2\nwebhook_url = 'https://a.example'\ninput_reference = 'a.png'\n")
    brief = read(path, options={"brief": {"takes": 3, "webhook": "https://b.example"}}).workflow.brief
    assert brief == {"takes": 3, "webhook": "https://b.example", "references": [{"source": "a.png"}]}
    assert with_one_name({"n": 1, "takes": 2}) == {"n": 1, "takes": 2}


def test_other_variables_of_ours_are_left_alone() -> None:
    environ = {"REELWORK_STORE": "x", "REELWORK_DEBUG": "1", "PATH": "/bin", "REELWORK_": "", "REELWORK_OUT_X": "1"}
    assert from_environ(environ) == {}


# --- values on the command line and in variables --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0.5", 0.5),
        ("true", True),
        ("a fox", "a fox"),
        ('"5"', "5"),
        ("", ""),
        ('["a", "b"]', ["a", "b"]),
        ("[1", "[1"),
        ("2026-01-01", "2026-01-01"),
        ("12:30:00", "12:30:00"),
        ("5\nseed = 3", "5\nseed = 3"),
        ("3 # takes", "3 # takes"),
        ("env:API_KEY", "env:API_KEY"),
        ("{a = 1}", {"a": 1}),
    ],
)
def test_a_value_is_read_as_toml_would_or_is_a_text(text: str, value: Any) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_assignments() -> None:
    given = [
        "provider.poll_interval=5",
        "plugin.brand-a.use=local",
        "brief.title=a=b",
        "plugin.brand-a.at = 1",
        "out=x",
    ]
    assert from_assignments(given) == {
        "provider": {"poll_interval": 5},
        "plugin": {"brand-a": {"use": "local", "at": 1}},
        "brief": {"title": "a=b"},
        "out": "x",
    }


@pytest.mark.parametrize("wrong", ["provider.poll_interval", "=5", ".x=5", "a..b=5", ""])
def test_an_assignment_of_another_form_is_refused(wrong: str) -> None:
    with pytest.raises(WorkflowInvalid, match=r"is not of the form section\.key=value"):
        from_assignments([wrong])


def test_an_assignment_below_a_single_value_is_refused() -> None:
    with pytest.raises(WorkflowInvalid, match="'out' was already given as a single value"):
        from_assignments(["out=x", "out.folder=y"])


# --- what is wrong, and where ---------------------------------------------------------------------------------

UNKNOWN = {
    "nmae = 'x'\n": ("line 1: unknown key 'nmae'", "name"),
    "# \n\n[budjet]\n": ("line 3: unknown key 'budjet'", "budget"),
    "[limits]\nconcurent = 1\n": ("line 2: unknown key 'limits.concurent'", "concurrent"),
    "[budget]\n\nper_jobs = 1\n": ("line 3: unknown key 'budget.per_jobs'", "per_job"),
    "[plugins]\npost_downlaod = []\n": ("line 2: unknown key 'plugins.post_downlaod'", "post_download"),
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_key_is_answered_with_its_line_and_a_near_name(write: Write, text: str) -> None:
    path = write(text)
    message, near = UNKNOWN[text]
    error = problem(path)
    assert error.message == f"{path}, {message}"
    assert error.hint.startswith(f"Did you mean {near!r}? Known here: ")


WRONG = {
    "[limits]\nconcurrent = 0\n": "line 2: limits.concurrent = 0 is not possible: ",
    "[limits]\nconcurrent = 'many'\n": "line 2: limits.concurrent = 'many' is not possible: ",
    "limits = 5\n": "line 1: limits = 5 is not possible: it must be a table",
    "out = 5\n": "line 1: out = 5 is not possible: it must be a text in quotes",
    "[budget]\nper_day = -1\n": "line 2: budget.per_day = -1 is not possible: ",
    "[plugins]\npublish = 'gallery'\n": "line 2: plugins.publish = 'gallery' is not possible: it must be a list",
    "[plugins]\npublish = ['gallery', 3]\n": "line 2: plugins.publish.1 = 3 is not possible: it must be a text",
    "plugins = ['a', '']\n": "line 1: plugins.add.1 = '' is not possible: ",
    "[plugin.local]\ntime_limit = 0\n": "line 2: plugin.local.time_limit = 0 is not possible: ",
    "[plugin]\nlocal = 3\n": "line 2: plugin.local = 3 is not possible: it must be a table",
    "brief = 'a fox'\n": "line 1: brief = 'a fox' is not possible: it must be a table",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_value_is_told_with_its_line(write: Write, text: str) -> None:
    path = write(text)
    assert problem(path).message.startswith(f"{path}, {WRONG[text]}")


def test_how_many_more_are_wrong_is_said(write: Write) -> None:
    assert "(2 more after this one)" in problem(write("[limits]\na = 1\nb = 2\nc = 3\n")).message


def test_the_layer_that_is_wrong_is_named(write: Write) -> None:
    shared = write("[limits]\n\nconcurrent = 0\n", "reelwork.toml")
    path = write("name = 'fine'\n")
    assert problem(path).message.startswith(f"{shared}, line 3: limits.concurrent = 0")
    environ = {"REELWORK_LIMITS_CONCURRENT": "none"}
    assert problem(path, environ=environ).message.startswith(
        "the environment (REELWORK_…): limits.concurrent = 'none'"
    )
    options = {"limits": {"concurent": 1}}
    shared.unlink()
    assert problem(path, options=options).message == "--set limits.concurent=…: unknown key 'limits.concurent'"


def test_broken_toml(write: Write) -> None:
    path = write("[brief]\nprompt = a fox\n")
    error = problem(path)
    assert error.message.startswith(f"{path} is not valid TOML: ")
    assert "at line 2" in error.message
    assert "need quotes" in error.hint


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('plugins = ["a"]\n[plugins]\npublish = []\n', 'Write add = ["…"] under [plugins].'),
        ('[plugins]\npublish = []\n[plugins]\nadd = ["a"]\n', 'Write add = ["…"] under [plugins].'),
        ("[brief]\nfps = 24\nfps = 25\n", "A name stands there twice."),
        ("[provider]\n[provider]\n", "A name stands there twice."),
        ("[provider]\nunits.credits = 1\n[provider.units]\n", "A name stands there twice."),
    ],
)
def test_a_name_that_is_there_twice_is_not_told_to_need_quotes(write: Write, text: str, advice: str) -> None:
    assert problem(write(text)).hint.startswith(advice) or advice in problem(write(text)).hint


def test_files_that_cannot_be_read(write: Write, tmp_path: Path) -> None:
    latin = write("name = 'caf\xe9'\n".encode("latin-1"))
    assert problem(latin).message == f"{latin} is not UTF-8 text (byte 11)."
    assert problem(tmp_path / "none.toml").message == f"There is no file {tmp_path / 'none.toml'}."
    assert "directory" in problem(tmp_path, cwd=tmp_path).message
    assert problem(latin).money == "Nothing was sent, nothing was spent."


def test_a_byte_order_mark_and_foreign_line_ends_do_no_harm(write: Write) -> None:
    path = write(b"\xef\xbb\xbfname = 'x'\r\n[limits]\r\nconcurrent = 2\r\n")
    assert read(path).workflow.limits.concurrent == 2
    broken = write(b"\xef\xbb\xbfname = 'x'\r\n[limits]\r\nconcurrent = 0\r\n")
    assert "line 3" in problem(broken).message


def test_lines_are_found_where_keys_are_written_plainly() -> None:
    text = 'a = 1\n[b]\nc = 2\n[b.d]\n"c" = 3\n[[e]]\nc = 4\n[plugin."x"]\ny = 5\n'
    assert [line_of(text, field) for field in ("a", "b", "b.c", "b.d.c", "e.c", "plugin.x.y")] == [1, 2, 3, 5, 7, 9]
    assert line_of(text, "b.none") is None
    assert line_of("", "a") is None


# --- plugins --------------------------------------------------------------------------------------------------


def test_a_list_of_plugins_adds_to_the_usual_ones(write: Write) -> None:
    lists = read(write("plugins = ['./my_rules.py', 'brand-a']\n")).workflow.plugins
    assert lists.add == ("./my_rules.py", "brand-a")
    assert lists.publish == ("gallery",)
    write("[plugins]\npublish = ['elsewhere']\n", "reelwork.toml")
    both = read(write("plugins = ['./my_rules.py']\n")).workflow.plugins
    assert (both.publish, both.add) == (("elsewhere",), ("./my_rules.py",))


def test_an_instance_keeps_the_plugins_own_keys(write: Write) -> None:
    table = read(write("[plugin.brand-a]\nuse = 'local'\ntime_limit = 5\nfolder = 'x'\n")).workflow.plugin[
        "brand-a"
    ]
    assert (table.use, table.time_limit, table.settings) == ("local", 5, {"folder": "x"})


# --- platforms ------------------------------------------------------------------------------------------------

TIKTOK = Platform(name="tiktok", aspect_ratio="9:16", longest_duration=60, style="energetic")


def platforms(write: Write, text: str) -> dict[str, Platform]:
    loaded = read(write(text))
    return own_platforms(loaded.workflow, {"tiktok": TIKTOK}, loaded.source, loaded.text)


def test_a_platform_may_be_changed_and_added(write: Write) -> None:
    found = platforms(
        write,
        "[platform.tiktok]\nlongest_duration = 30\n[platform.wall]\naspect_ratio = '21:9'\nlongest_duration = 300\n"
        "aliases = ['lobby']\n",
    )
    assert found["tiktok"] == TIKTOK.replace(longest_duration=30)
    assert found["wall"] is found["lobby"]
    assert found["wall"].aspect_ratio == "21:9"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[platform.tiktok]\nlongest = 30\n", "line 2: unknown key 'platform.tiktok.longest'"),
        ("[platform.wall]\nlongest_duration = 3\n", "'platform.wall.aspect_ratio' is missing"),
        (
            "[platform.tiktok]\naspect_ratio = '4x3'\n",
            "line 2: platform.tiktok.aspect_ratio = '4x3' is not possible",
        ),
        (
            "[platform.Wall]\naspect_ratio = '1:1'\nlongest_duration = 3\n",
            "platform.Wall.name = 'Wall' is not possible",
        ),
    ],
)
def test_a_wrong_platform_is_told(write: Write, text: str, message: str) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        platforms(write, text)
    assert message in caught.value.message
    assert str(write(text)) in caught.value.message


# --- briefs ---------------------------------------------------------------------------------------------------


def test_a_brief_takes_the_tutorials_names() -> None:
    data = {"prompt": "a fox", "n": 2, "webhook_url": "https://a.example", "input_reference": "a.png"}
    brief = brief_from(data, "flow.toml")
    assert (brief.takes, brief.webhook, brief.references) == (2, "https://a.example", (Reference(source="a.png"),))


@pytest.mark.parametrize("data", [{}, {"prompt": ""}, {"prompt": "  \n"}])
def test_a_brief_needs_a_prompt(data: dict[str, Any]) -> None:
    with pytest.raises(WorkflowInvalid, match=r"flow\.toml: there is no prompt") as caught:
        brief_from(data, "flow.toml")
    assert "reelwork run" in caught.value.hint


def test_a_wrong_brief_is_told_with_its_line() -> None:
    text = "name = 'x'\n[brief]\nprompt = 'a fox'\nduraton = 5\n"
    with pytest.raises(WorkflowInvalid) as caught:
        brief_from({"prompt": "a fox", "duraton": 5}, "flow.toml", text)
    assert caught.value.message == "flow.toml, line 4: unknown key 'brief.duraton'"
    assert "Did you mean 'duration'?" in caught.value.hint
    with pytest.raises(WorkflowInvalid, match=r"brief\.resolution = '4x' is not possible: .* 1080p or 4k"):
        brief_from({"prompt": "a fox", "resolution": "4x"}, "flow.toml")
    with pytest.raises(WorkflowInvalid) as caught:
        brief_from({"prompt": "a fox", "n": 1, "takes": 2}, "flow.toml")
    assert caught.value.message == "flow.toml: brief: n and takes mean the same: give one of them (here 1 and 2)"


# --- the store ------------------------------------------------------------------------------------------------


def test_where_the_store_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    folder = tmp_path / "project/deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data_home = {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert store_path(environ={}) == tmp_path / "home/.local/share/reelwork/store.db"
    assert store_path(environ=data_home) == tmp_path / "data/reelwork/store.db"
    assert store_path(environ={"XDG_DATA_HOME": "relative"}) == tmp_path / "home/.local/share/reelwork/store.db"
    write("store = 'jobs.db'\n", "project/reelwork.toml")
    assert store_path(environ=data_home) == tmp_path / "project/jobs.db"
    assert store_path(environ={"REELWORK_STORE": "~/env.db", **data_home}) == tmp_path / "home/env.db"
    assert store_path("option.db", {"REELWORK_STORE": "/env.db"}) == folder / "option.db"


@pytest.mark.parametrize("value", ["5", "''", "['a']"])
def test_a_store_that_is_no_path_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Write, value: str
) -> None:
    write(f"store = {value}\n", "reelwork.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkflowInvalid, match="is not a path"):
        store_path(environ={})


@pytest.mark.parametrize("key", ["store = 1", "keep_days = 3", "[webhooks.shop]", "[webhooks_in.openai]"])
def test_what_belongs_into_the_settings_file_is_said_to(tmp_path: Path, key: str) -> None:
    workflow = tmp_path / "flow.toml"
    workflow.write_text(f"{key}\n", encoding="utf-8")
    with pytest.raises(WorkflowInvalid) as refused:
        load(workflow, environ={}, cwd=tmp_path)
    assert refused.value.hint == "It belongs into reelwork.toml."
