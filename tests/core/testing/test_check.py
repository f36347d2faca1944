"""`plugins check`: what it finds, how grave it is, and what it says to do."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.testing.check import Check, Report, check, exit_code
from reelwork_hooks import InvalidInput, PluginInvalid

ROOT = Path(__file__).resolve().parents[3]
HEAD = """
import asyncio
import datetime
from pathlib import Path
from typing import Any
from pydantic import ConfigDict, Field
from reelwork_hooks import *
from reelwork_hooks import (Absent, Asset, Capabilities, Config, Found, Idempotency, InvalidInput, Phase, Plugin,
    Prompt, Provider, ProviderConfig, Receipt, SecretRef, Unavailable, Verdict, hookimpl)


"""


@pytest.fixture
def found(tmp_path: Path) -> Any:
    """The report about a plugin file with this source."""

    def write_and_check(source: str, **how: Any) -> Report:
        path = tmp_path / "mine.py"
        path.write_text(HEAD + textwrap.dedent(source))
        (report,) = check(str(path), Check(**how))
        return report

    return write_and_check


def said(report: Report, level: str | None = None) -> str:
    return "\n".join(
        f"{finding.level}: {finding.about} {finding.message} {finding.hint}"
        for finding in report.findings
        if level in (None, finding.level)
    )


PLAIN = '''
class MineConfig(Config):
    """Settings."""

    word: str = "soft"
    """What is added."""


class Mine(Plugin):
    """Adds a word."""

    Config = MineConfig

    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        return prompt.replace(text=prompt.text + self.config.word)
'''


def test_a_good_plugin_has_nothing_but_a_note(found: Any) -> None:
    report = found(PLAIN)
    assert said(report) == "note: prompt_transform was called: changed it. "
    assert exit_code([report]) == 0


@pytest.mark.parametrize(
    "name", ["rules", "platform-style", "thumbnail", "local", "gallery", "preview", "videos-api"]
)
def test_the_built_in_plugins_have_no_errors(name: str) -> None:
    (report,) = check(name)
    assert said(report, "error") == ""


def test_what_is_refused_at_loading_is_an_error_with_its_hint(found: Any) -> None:
    report = found(PLAIN.replace("self, prompt: Prompt", "self, prompt: Prompt, attempt: int"))
    assert "error: loading The plugin 'mine'" in said(report)
    assert "asks for 'attempt', which no version of Reelwork up to" in said(report)
    assert exit_code([report]) == 1


# --- settings -------------------------------------------------------------------------------------------------

SETTINGS = {
    "extra": (
        "model_config = ConfigDict(extra='ignore')\n    word: str = ''\n    'x'",
        "error: Config takes settings it does not know",
    ),
    "mutable": (
        "model_config = ConfigDict(frozen=False)\n    word: str = ''\n    'x'",
        "warning: Config can be changed while jobs use it",
    ),
    "no description": (
        "word: str = ''\n    other: int = 1",
        "warning: Config: word, other have no description",
    ),
    "bad default": (
        "count: int = Field(default='many')\n    'x'",
        "error: Config.count has a default that it would",
    ),
    "default out of bounds": ("count: int = Field(default=0, ge=1)\n    'x'", "error: Config.count has a default"),
    "no default": ("word: str\n    'x'", "note: Config.word has no default"),
    "reserved": ("use: str = ''\n    'x'", "error: Config.use is never given: the engine keeps that key"),
    "plain secret": ("api_key: str = ''\n    'x'", "warning: Config.api_key takes the secret itself"),
    "type of no file": ("call: type = int\n    'x'", "error: Config has a type that no workflow file can hold"),
}


@pytest.mark.parametrize(("fields", "finding"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_will_hurt_are_found(found: Any, fields: str, finding: str) -> None:
    report = found(PLAIN.replace('word: str = "soft"\n    """What is added."""', fields))
    assert finding in said(report)


@pytest.mark.parametrize("field", ["token: SecretRef = 'env:X'", "token: SecretRef | None = None", "keys: int = 1"])
def test_references_are_no_plain_secrets(found: Any, field: str) -> None:
    assert "the secret itself" not in said(found(PLAIN.replace('word: str = "soft"', field)))


# --- declarations ---------------------------------------------------------------------------------------------


def publisher(attributes: str = "", methods: str = "", arguments: str = "self, post, effect") -> str:
    body = f"""
    {attributes or "pass"}

    @hookimpl
    def publish({arguments}):
        return Receipt(id="1")
{methods}"""
    return f'class Mine(Plugin):\n    """Posts."""\n{body}'


def storage(address: str, phase: str = "STORE") -> str:
    return f"""
class Mine(Plugin):
    "Stores."
    phase = Phase.{phase}
    @hookimpl
    def post_download(self, clip, job): ...
    {address}
"""


def moderator(attributes: str, verdict: str = "None") -> str:
    return f"""
class Mine(Plugin):
    'Looks.'
    {attributes}

    @hookimpl
    def pre_moderate(self, content):
        return {verdict}
"""


FIND = "\n    @hookimpl\n    def find_post(self):\n        return Absent()\n"
DECLARATIONS = {
    "none": (publisher(), "warning: publish declares idempotency NONE and has no find_post"),
    "none but looks": (publisher(methods=FIND), "note: publish has find_post: it is treated as LOOKUP"),
    "lookup without looking": (
        publisher("idempotency = Idempotency.LOOKUP"),
        "error: publish declares LOOKUP, but there is no find_post",
    ),
    "key unseen": (
        publisher("idempotency = Idempotency.KEY", arguments="self, post"),
        "error: publish declares KEY, and never sees the key",
    ),
    "public by default": (publisher(), "note: publish counts as public"),
    "find alone": (f'class Mine(Plugin):\n    """Looks."""\n{FIND}', "error: find_post is never called"),
    "phase missing": (
        PLAIN.replace("prompt_transform(self, prompt: Prompt) -> Prompt", "post_download(self)").replace(
            "return prompt.replace(text=prompt.text + self.config.word)", "return None"
        ),
        "warning: post_download runs in the phase edit, since none is declared",
    ),
    "phase without hook": (
        PLAIN.replace("Config = MineConfig", "Config = MineConfig\n    phase = Phase.SIGN"),
        "warning: phase is declared, and means nothing without post_download",
    ),
    "no docstring": (PLAIN.replace('    """Adds a word."""\n', ""), "warning: Mine has no docstring"),
    "inside": ("import reelwork.engine.loop\n" + PLAIN, "imports reelwork.engine.loop, whose inside may change"),
    "found nothing": (
        publisher("idempotency = Idempotency.LOOKUP", FIND.replace("Absent()", "Found(())")),
        "answers Found and names nothing. Where nothing fits, answer a Listing",
    ),
    "a stage that does not exist": (
        moderator("moderates = ('clpi',)"),
        "error: moderates is not possible: 'clpi' is not a stage",
    ),
    "too many frames": (
        moderator("moderates = (Stage.CLIP,)\n    clip_frames = 900"),
        "error: clip_frames is not possible: 900 is not a number of frames from 0 to 32",
    ),
    "frames without a clip": (
        moderator("clip_frames = 3"),
        "warning: clip_frames means nothing, since no clip is shown",
    ),
    "an address for nothing": (
        storage("async def public_url(self, asset): ..."),
        "error: public_url does not take an asset and seconds",
    ),
    "an address that nobody asks for": (
        storage("async def public_url(self, asset, seconds): ...", "EDIT"),
        "warning: public_url is never asked",
    ),
    "a shape that is no target": (publisher("accepts = '9:16'"), "error: accepts is '9:16', which is passed over"),
    "a target that nobody knows": (
        storage("fits = ('ratio',)", "EDIT"),
        "error: fits has 'ratio', which is no field of a Target. There are: aspect_ratio, longest",
    ),
    "a word for a target": (storage("fits = 'longest'", "EDIT"), "error: fits has 'longest', which is no field"),
    "a fact that nobody knows": (
        storage("may_change = ('colour',)", "EDIT"),
        "error: may_change has 'colour', which is no fact of a video that it can name",
    ),
    "a target without finishing": (
        publisher("fits = ('longest',)"),
        "warning: fits is declared, and means nothing",
    ),
    "stages": (moderator("moderates = (Stage.CLIP,)"), "note: pre_moderate is asked at: clip"),
    "settle": (publisher("settle_seconds = None", FIND), "error: settle_seconds is None"),
}


@pytest.mark.parametrize(("source", "finding"), DECLARATIONS.values(), ids=DECLARATIONS)
def test_declarations_that_do_not_fit_are_found(found: Any, source: str, finding: str) -> None:
    assert finding in said(found(source))


def test_a_storage_that_gives_addresses_as_it_is_asked_has_no_finding_about_it(found: Any) -> None:
    for own in ("async def", "@staticmethod\n    def"):
        taken = "asset, seconds=60" if own.startswith("@") else "self, asset, seconds"
        assert "public_url" not in said(found(storage(f"{own} public_url({taken}): ...")))


def test_a_moderation_plugin_is_called_with_a_clip_too(found: Any) -> None:
    verdict = "Verdict.hold(f'{len(content.images)} frames') if content.clip else None"
    report = found(moderator("moderates = tuple(Stage)\n    clip_frames = 2", verdict))
    told = said(report)
    assert "pre_moderate was called at the stage brief: let it pass" in told
    assert "pre_moderate answered hold at the stage clip to a lighthouse at dawn: 2 frames" in told


def test_idempotency_that_fits_is_not_talked_about(found: Any) -> None:
    source = publisher("public = False\n    idempotency = Idempotency.LOOKUP", FIND)
    assert (
        said(found(source))
        == "note: publish was not called, since it would post. Call it all the same with --call."
    )


def provider(own: str, config: str = "ProviderConfig") -> str:
    return f'''
class Maker(Provider):
    """Makes."""

    Config = {config}
{textwrap.indent(textwrap.dedent(own), "    ")}

@hookimpl
def register_providers():
    return {{"maker": Maker}}
'''


METHODS = """
async def submit(self, request, effect): ...
async def poll(self, renders): ...
async def fetch(self, render): ...
"""
PROVIDERS = {
    "lacks": (provider("async def submit(self, request, effect): ..."), "error: provider maker lacks poll"),
    "blocks": (
        provider(METHODS.replace("async def poll", "def poll")),
        "error: provider maker has a poll that is not `async def`",
    ),
    "cannot say": (
        provider(METHODS + "def capabilities(self, model): raise OSError('no network')"),
        "error: provider maker cannot say what it can do: OSError: no network",
    ),
    "says junk": (provider(METHODS + "def capabilities(self, model): return 1"), "returned int, not Capabilities"),
    "lookup": (
        provider(METHODS + "def capabilities(self, model): return Capabilities(idempotency=Idempotency.LOOKUP)"),
        "error: provider maker declares LOOKUP, but there is no find",
    ),
    "none": (
        provider(METHODS + "def capabilities(self, model): return Capabilities(idempotency=Idempotency.NONE)"),
        "warning: provider maker declares idempotency NONE",
    ),
    "no price": (
        provider(METHODS + "def capabilities(self, model): return Capabilities(idempotency=Idempotency.KEY)"),
        "note: provider maker names no price",
    ),
    "retired": (
        provider(
            METHODS + "def capabilities(self, model):\n"
            "    return Capabilities(idempotency=Idempotency.KEY, retired=datetime.date(2020, 1, 1))"
        ),
        "warning: provider maker has a default model that was shut down on 2020-01-01",
    ),
}


@pytest.mark.parametrize(("source", "finding"), PROVIDERS.values(), ids=PROVIDERS)
def test_providers_that_will_hurt_are_found(found: Any, source: str, finding: str) -> None:
    assert finding in said(found(source))


# --- calling the hooks ----------------------------------------------------------------------------------------


def calling(body: str, hook: str = "prompt_transform(self, prompt)", more: str = "") -> str:
    indented = textwrap.indent(textwrap.dedent(body), "        ")
    return f'class Mine(Plugin):\n    """Mine."""\n\n    {more}\n    @hookimpl\n    def {hook}:\n{indented}\n'


CALLS = {
    "wrong answer": (calling("return 1"), "error: prompt_transform on sample values, returned int; it must"),
    "a bug": (calling("return {}['x']"), "error: prompt_transform on sample values, raised KeyError: 'x'"),
    "no hint": (
        calling("raise InvalidInput('no')"),
        "warning: prompt_transform on sample values, raised InvalidInput: no",
    ),
    "secret": (
        calling("self.context.secret('env:NOT_SET_ANYWHERE')"),
        "note: prompt_transform was called and needs a secret",
    ),
    "no reason": (
        calling("return Verdict.hold('')", "pre_moderate(self, content)"),
        "warning: pre_moderate answered hold at the stage brief to a lighthouse at dawn: no reason given",
    ),
    "costs": (
        calling("raise AssertionError", more="costs = True\n"),
        "note: prompt_transform was not called, since it costs money",
    ),
    "stores": (
        calling("raise AssertionError", "post_download(self, clip)", "phase = Phase.STORE\n"),
        "note: post_download was not called, since it would store a file",
    ),
    "tells": (
        calling("raise AssertionError", "job_event(self, event)"),
        "note: job_event was not called, since it may send a message",
    ),
}


@pytest.mark.parametrize(("source", "finding"), CALLS.values(), ids=CALLS)
def test_what_a_call_shows_is_told(found: Any, source: str, finding: str) -> None:
    assert finding in said(found(source))


def test_a_hook_that_takes_too_long_is_an_error(found: Any) -> None:
    source = calling("await asyncio.sleep(60)").replace("    def prompt", "    async def prompt")
    report = found(source, time_limit=0.05)
    assert "error: prompt_transform gave no answer within 0.05 s. Where it needs longer: --time-limit." in said(
        report
    )


def test_what_blocks_within_async_def_is_an_error_though_it_ends(found: Any) -> None:
    body = "import time\ntime.sleep(1.3)"
    report = found(calling(body).replace("    def prompt", "    async def prompt"), time_limit=0.05)
    assert "error: prompt_transform blocked for 1." in said(report)
    assert "put what blocks into asyncio.to_thread" in said(report)
    assert said(found(calling(body)), "error") == ""


def test_a_constructor_that_fails_is_told_as_such(found: Any) -> None:
    source = calling("return None", more="def __init__(self):\n        pass\n")
    told = said(found(source), "error")
    assert "The plugin 'Mine' could not be started: TypeError" in told
    assert "__init__(self, config, context)" in told


PLATFORM = "Platform(name='{}', aspect_ratio='21:9', longest_duration=20)"
TAKEN = {
    "platform": (f"return [{PLATFORM.format('youtube')}]", "error: platform youtube has the name 'youtube', which"),
    "alias": (f"return [{PLATFORM.format('x')}]", "error: platform x has the name 'x', which 'platforms'"),
}


@pytest.mark.parametrize(("answer", "finding"), TAKEN.values(), ids=TAKEN)
def test_a_name_that_another_plugin_has_is_told(found: Any, answer: str, finding: str) -> None:
    imports = "from reelwork_hooks import Platform\n"
    told = said(found(f"{imports}@hookimpl\ndef register_platforms():\n    {answer}\n"))
    assert finding in told
    assert "warning: the module has no docstring" not in told or "at the top of the file" in told


def test_a_provider_s_name_that_another_plugin_has_is_told(found: Any) -> None:
    source = provider(METHODS).replace('"maker"', '"preview"')
    assert "error: provider preview has a name that 'preview' (reelwork" in said(found(source))


def test_a_method_that_is_nearly_a_hook_is_told(found: Any) -> None:
    source = calling("return None") + "\n    def prepare_publsh(self, post): ...\n    def helper(self): ...\n"
    told = said(found(source), "warning")
    assert "prepare_publsh is not a hook and is never called; prepare_publish is one." in told
    assert "helper" not in told


def test_switches_that_are_no_switches_are_told(found: Any) -> None:
    told = said(found(calling("return None", more='costs = "no"\n')))
    assert "error: costs is 'no'; it is True or False." in told


def test_publish_is_called_only_when_asked_and_told_as_it_would_be(found: Any, tmp_path: Path) -> None:
    mark = tmp_path / "posted"
    source = publisher("public = False\n    idempotency = Idempotency.LOOKUP", FIND).replace(
        'return Receipt(id="1")', f'Path({str(mark)!r}).write_text("x"); return Receipt(id="1", url="https://x/1")'
    )
    found(source)
    assert not mark.exists()
    assert "note: publish was called and posted a sample: https://x/1" in said(found(source, call=True))
    assert mark.read_text() == "x"
    lost = (
        source.replace('return Receipt(id="1", url="https://x/1")', "raise KeyError('lost')")
        .replace("LOOKUP", "NONE")
        .replace(FIND, "")
    )
    assert "warning: publish was called; its post would be held" in said(found(lost, call=True))


def test_settings_without_a_default_are_asked_for_and_taken(found: Any) -> None:
    source = PLAIN.replace('word: str = "soft"', "word: str")
    assert "note: hooks were not called: word must be given. Give them: --set word=…" in said(found(source))
    assert "prompt_transform was called: changed it" in said(found(source, settings={"word": "loud"}))
    with pytest.raises(WorkflowInvalid, match="'wrod'"):
        found(source, settings={"word": "loud", "wrod": "x"})


# --- packages -------------------------------------------------------------------------------------------------

PYPROJECT = """
[project]
name = "reelwork-mine"
version = "0.1.0"
description = "x"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["reelwork>=0.1,<2"]

[project.entry-points."reelwork.plugins"]
mine = "rw_mine:Mine"
"""


def package(folder: Path, pyproject: str = PYPROJECT, source: str = PLAIN) -> Report:
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(pyproject)
    (folder / "rw_mine.py").write_text(HEAD + source)
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "test_mine.py").write_text("")
    (report,) = check(str(folder))
    return report


def test_a_package_is_checked_without_being_installed(tmp_path: Path) -> None:
    report = package(tmp_path / "a")
    assert (report.name, report.origin, said(report)) == (
        "mine",
        "reelwork-mine 0.1.0",
        "note: prompt_transform was called: changed it. ",
    )
    assert "rw_mine" not in sys.modules
    assert str(tmp_path / "a") not in sys.path
    other = package(tmp_path / "b", source=PLAIN.replace("Adds a word.", ""))
    assert "Mine has no docstring" in said(other), "the second folder's module, not the first's"


PACKAGES = {
    "no entry point": (
        PYPROJECT.partition("[project.entry")[0],
        'error: pyproject.toml has no [project.entry-points."reelwork.plugins"]',
    ),
    "no requirement": (
        PYPROJECT.replace('"reelwork>=0.1,<2"', ""),
        "error: pyproject.toml does not depend on reelwork",
    ),
    "no bounds": (
        PYPROJECT.replace(">=0.1,<2", ""),
        "warning: pyproject.toml depends on 'reelwork', without saying",
    ),
    "no upper bound": (PYPROJECT.replace(",<2", ""), "warning: pyproject.toml depends on 'reelwork>=0.1'"),
    "bound too low": (PYPROJECT.replace(">=0.1,", ">=0.0.1,"), "error: pyproject.toml allows reelwork 0.0.1"),
    "name": (PYPROJECT.replace("mine = ", "My_Mine = "), "error: pyproject.toml names a plugin 'My_Mine'"),
    "name taken": (
        PYPROJECT.replace("mine = ", "rules = "),
        "error: pyproject.toml names its plugin 'rules', as reelwork",
    ),
    "wrong module": (PYPROJECT.replace("rw_mine:", "rw_nine:"), "could not be imported: ModuleNotFoundError"),
    "wrong class": (PYPROJECT.replace(":Mine", ":Nine"), "could not be imported: AttributeError"),
    "elsewhere": (
        PYPROJECT.replace("rw_mine:Mine", "reelwork_plugins.moderation.rules:Rules"),
        "which is not in this folder",
    ),
    "no readme": (PYPROJECT.replace('readme = "README.md"\n', ""), "note: pyproject.toml has no readme"),
}


@pytest.mark.parametrize(("pyproject", "finding"), PACKAGES.values(), ids=PACKAGES)
def test_a_package_that_would_not_be_found_or_work_is_told(tmp_path: Path, pyproject: str, finding: str) -> None:
    assert finding in said(package(tmp_path / "a", pyproject))


def test_the_example_plugin_has_nothing_to_complain_of() -> None:
    reports = check(str(ROOT / "examples" / "plugin"))
    told = {report.name: (report.count("error"), report.count("warning")) for report in reports}
    assert told == {"camera-move": (0, 0), "film-shelf": (0, 0), "notice-board": (0, 0)}


# --- the command ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("no-such-plugin", NotFound, "no plugin named"),
        ("none.py", InvalidInput, "no file none.py"),
        ("./none", InvalidInput, "no folder none"),
        (".", InvalidInput, "holds no pyproject.toml"),
    ],
)
def test_what_is_not_there_is_told_apart_from_what_is_wrong(
    what: str, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        check(what)


def test_a_pyproject_that_is_no_toml_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project")
    with pytest.raises(InvalidInput, match="cannot be read"):
        check(str(tmp_path))


# --- commands -------------------------------------------------------------------------------------------------

COMMANDS = {
    "import": ("import nowhere_to_be_found", "error: command greet is not usable: The command 'greet' (acme 1)"),
    "exit": ("raise SystemExit(0)", "error: command greet is not usable: The command 'greet' (acme 1)"),
    "no command": ("greet = 5", "error: command greet is of the type int, not a click command."),
    "no help": ("import click\n@click.command()\ndef greet(): ...", "warning: command greet has no help"),
}


@pytest.mark.parametrize(("source", "finding"), COMMANDS.values(), ids=COMMANDS)
def test_the_commands_of_a_package_are_looked_at(tmp_path: Path, source: str, finding: str) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "acme"\nversion = "1"\ndependencies = ["reelwork>=0.1,<2"]\n'
        '[project.entry-points."reelwork.commands"]\ngreet = "acme_greets:greet"\n'
    )
    (tmp_path / "acme_greets.py").write_text(source)
    (report,) = check(str(tmp_path))
    assert finding in said(report)
    assert "nobody would find the plugin" not in said(report)


INSTALLED = """
from reelwork_hooks import Plugin, Prompt, hookimpl


class One(Plugin):
    @hookimpl
    def prompt_transform(self, prompt: Prompt) -> Prompt:
        return prompt.replace(text=prompt.text + " at night")


class Two(One):
    pass
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Install a package with these entry points, as pip would, beside a module whose command is written so."""
    modules: list[str] = []

    def write(name: str, entries: str, command: str = "greet = 5") -> None:
        module = name.lower().replace("-", "_").replace(".", "_")
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(INSTALLED + command)
        info = tmp_path / f"{module}-2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2\nRequires-Dist: click<1\n")
        (info / "entry_points.txt").write_text(entries.replace("@", module))
        monkeypatch.syspath_prepend(tmp_path)

    yield write
    for module in modules:
        sys.modules.pop(module, None)


BOTH = "[reelwork.plugins]\nnight-one = @:One\nnight-two = @:Two\n[reelwork.commands]\ngreet = @:greet\n"
NO_COMMAND = "error: command greet is of the type int, not a click command."


@pytest.mark.parametrize("what", ["night-one", "acme-night:night-one", "Acme_Night:night-one"])
def test_the_commands_of_an_installed_plugins_package_are_looked_at(install: Any, what: str) -> None:
    install("Acme.Night", BOTH)
    (report,) = check(what)
    assert report.origin == "Acme.Night 2"
    assert said(report).count(NO_COMMAND) == 1
    assert "error: Acme.Night requires click<1" in said(report)
    assert "prompt_transform was called: changed it" in said(report)


@pytest.mark.parametrize("what", ["acme-night", "Acme.Night", "acme_night"])
def test_an_installed_package_is_checked_whole(install: Any, what: str) -> None:
    install("Acme.Night", BOTH)
    first, second = check(what)
    assert [report.name for report in (first, second)] == ["night-one", "night-two"]
    assert said(first).count(NO_COMMAND) == 1
    assert "command" not in said(second)


def test_a_package_with_commands_alone_is_checked(install: Any) -> None:
    install("acme-greets", "[reelwork.commands]\ngreet = @:greet\n", "raise SystemExit(3)")
    (report,) = check("acme-greets")
    assert (report.name, report.origin) == ("acme-greets", "acme-greets 2")
    assert "error: command greet is not usable: The command 'greet' (acme-greets 2)" in said(report)
    assert exit_code([report]) == 1


def test_another_packages_command_of_the_same_name_is_not_looked_at(install: Any) -> None:
    install("acme-night", BOTH)
    install("acme-day", "[reelwork.plugins]\nday = @:One\n")
    (report,) = check("day")
    assert "command" not in said(report)


def test_a_plugin_of_the_package_that_another_one_names_too_is_its_own(install: Any) -> None:
    install("acme-night", BOTH)
    install("acme-day", "[reelwork.plugins]\nnight-one = @:One\n")
    (report,) = check("acme-day")
    assert report.origin == "acme-day 2"
    with pytest.raises(PluginInvalid, match="is used by"):
        check("night-one")


def test_a_package_that_brings_nothing_is_told(install: Any) -> None:
    with pytest.raises(InvalidInput, match="brings no plugin and no command"):
        check("click")


FETCHED = '''
class Mine(Plugin):
    """Posts where the network fetches the video."""

    public = False
    {declared}

    @hookimpl
    async def publish(self, post, effect):
        return Receipt(id=await self.context.public_url(post.clip.video, 60))
'''


def test_a_publisher_that_asks_for_an_address_and_does_not_declare_it_is_warned(found: Any) -> None:
    assert "does not declare that it needs one" in said(found(FETCHED.format(declared="")), "warning")
    declared = found(FETCHED.format(declared="needs_public_address = True"))
    assert "needs one" not in said(declared, "warning")
    assert "refused before it pays" in said(declared, "note")
    assert "True or False" in said(
        found(FETCHED.format(declared='needs_public_address = "where it must"')), "error"
    )


def test_stages_and_frames_that_settings_decide_are_read_from_an_instance(found: Any) -> None:
    told = said(
        found('''
        class Mine(Plugin):
            """Counts the frames."""

            @property
            def moderates(self):
                return (Stage.PROMPT, Stage.CLIP)

            @property
            def clip_frames(self):
                return 3

            @hookimpl
            def pre_moderate(self, content):
                return Verdict.hold("seen") if len(content.images) == 3 else None
        ''')
    )
    assert "pre_moderate was called at the stage prompt: let it pass" in told
    assert "pre_moderate answered hold at the stage clip to a lighthouse at dawn: seen" in told
