from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import Definition

STAMP = '''
from typing import Annotated, Literal

from pydantic import Field
from reelwork_hooks import Config, Phase, Plugin, hookimpl


class StampConfig(Config):
    text: str
    """What is written."""
    size: Annotated[int, Field(ge=8, le=96)] = 24
    """Height of the letters."""
    corner: Literal["left", "right"] = "left"
    tags: list[str] = []
    words: dict[str, str] = {"a b": "c \\"d\\""}
    rate: float | None = None


class Stamp(Plugin):
    """Stamps each clip.

    It writes the date into a corner.
    """

    Config = StampConfig
    phase = Phase.SIGN
    costs = True

    @hookimpl
    def post_download(self, clip):
        return None
'''


@pytest.fixture
def stamp(folder: Path) -> str:
    (folder / "stamp.py").write_text(STAMP)
    return "stamp.py"


def built_in() -> Iterator[Definition]:
    catalog = Catalog()
    for name in catalog.names():
        entry = catalog.entry_of(name)
        if entry is not None and entry.value.startswith("reelwork_plugins."):
            yield catalog.get(name)


def defaults(model: type[BaseModel]) -> dict[str, Any]:
    values = model.model_construct().model_dump(mode="json")
    return {name: value for name, value in values.items() if value is not None}


def live(example: str) -> dict[str, Any]:
    """The example with all its defaults written out."""
    lines = (line for line in example.splitlines() if not line.endswith("# by default none"))
    return tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))


def test_a_file_s_documentation_has_everything_that_it_declares(cli, stamp) -> None:
    outcome = cli("plugins", "docs", stamp)
    assert outcome.code == 0, outcome.err
    for told in (
        "Stamps each clip.",
        "It writes the date into a corner.",
        "Finish, sign or store a downloaded clip.",
        "runs in the phase sign",
        "a dry run leaves it out",
        "What is written.",
        "Height of the letters. At least 8, at most 96.",
        "left | right",
        'text = "..."  # required',
        "# size = 24",
    ):
        assert told in outcome.out
    assert "Its account" not in outcome.out
    assert list(live(cli("plugins", "docs", stamp, "--json").json["examples"][0])) == ["plugins", "plugin"]


def test_a_file_s_example_is_a_workflow(cli, stamp, folder) -> None:
    [example] = cli("plugins", "docs", stamp, "--json").json["examples"]
    (folder / "flow.toml").write_text('[brief]\nprompt = "a lighthouse at dawn"\n' + example)
    outcome = cli("plan", "flow.toml")
    assert outcome.code == 0, outcome.err
    written = live(example)["plugin"]["stamp"]
    assert written["words"] == {"a b": 'c "d"'}
    assert written["size"] == 24


def test_every_built_in_example_says_the_defaults(cli) -> None:
    for definition in built_in():
        for example in cli("plugins", "docs", definition.name, "--json").json["examples"]:
            table = live(example)
            if settings := table.get("plugin", {}).get(definition.name):
                required = {
                    name for name, field in definition.config_model.model_fields.items() if field.is_required()
                }
                assert required <= settings.keys()
                given = {name: value for name, value in settings.items() if name not in required}
                assert given == defaults(definition.config_model)
            if settings := table.get("provider"):
                kind = definition.providers[settings.pop("use")].Config
                needed = {name for name, field in kind.model_fields.items() if field.is_required()}
                assert needed <= settings.keys()
                assert {name: settings[name] for name in settings.keys() - needed} == defaults(kind)


def test_a_moderator_s_own_stages_are_told(cli, folder) -> None:
    (folder / "looks.py").write_text(
        "from reelwork_hooks import Plugin, Stage, hookimpl\n\n\nclass Looks(Plugin):\n"
        '    """Looks at clips."""\n\n    moderates = (Stage.CLIP,)\n\n'
        "    @hookimpl\n    def pre_moderate(self, content): ...\n"
    )
    page = cli("plugins", "docs", "looks.py", "--json").json
    assert "pre_moderate is asked at: clip." in page["facts"]
    assert page["hook_meanings"]["pre_moderate"] == "Decide whether content may pass."


def test_the_account_and_the_notes_of_a_publisher_are_told(cli) -> None:
    outcome = cli("plugins", "docs", "bluesky")
    for told in ("reelwork accounts add bluesky", "--identifier", "What it posts is public.", "publish"):
        assert told in outcome.out
    page = cli("plugins", "docs", "bluesky", "--json").json
    assert page["account"]["add"] == "reelwork accounts add bluesky"
    assert page["hook_meanings"]["publish"].startswith("Make the post, once")


def test_the_options_of_an_account_are_those_of_the_command(cli) -> None:
    told = cli("plugins", "docs", "bluesky", "--json").json["account"]["options"]
    shown = cli("accounts", "add", "--help").out
    for names in told:
        for option in names.split(", "):
            assert option in shown


@pytest.mark.parametrize("name", ["nothing-here", "nothing.py"])
def test_what_is_not_there_has_no_documentation(cli, name: str) -> None:
    assert cli("plugins", "docs", name).code == 2


MAKER = """
from reelwork_hooks import Capabilities, Config, Provider, ProviderConfig, hookimpl


class MakerConfig(ProviderConfig):
    model: str | None = "lens-2"


class Options(Config):
    grain: int = 0


class Maker(Provider):
    Config = MakerConfig
    Options = Options
    known_models = ("lens-1", "lens-2")

    def capabilities(self, model):
        return Capabilities()

    async def submit(self, request, effect): ...
    async def poll(self, renders): ...
    async def fetch(self, render): ...


@hookimpl
def register_providers():
    return {"maker": Maker}
"""


def test_a_provider_s_options_and_default_model_are_told(cli, folder) -> None:
    (folder / "maker.py").write_text(MAKER, encoding="utf-8")
    told = cli("plugins", "docs", "maker.py").out
    assert "Options, under [brief.options]" in told
    assert "grain" in told


def test_the_default_model_is_named_as_such(cli) -> None:
    told = cli("providers", "show", "kling").out
    assert "What it can do with its default model, kling-v3" in told
    assert "not known by name" not in told
    assert "with a model that is not known by name" in cli("providers", "show", "videos-api").out


TARGETED = """
from reelwork_hooks import Clip, Effect, Plugin, Post, Receipt, Target, hookimpl


class Targeted(Plugin):
    \"\"\"Cuts, and posts.\"\"\"

    accepts = Target(aspect_ratio="9:16", longest=60, most_bytes=50_000_000, codecs=("h264", "hevc"))
    fits = ("longest", "codecs")

    @hookimpl
    def post_download(self, clip: Clip) -> None: ...

    @hookimpl
    def publish(self, post: Post, effect: Effect) -> Receipt: ...

"""


@pytest.mark.parametrize("command", ["show", "docs"])
def test_the_videos_that_a_plugin_takes_and_makes_are_told(cli, folder, command: str) -> None:
    (folder / "targeted.py").write_text(TARGETED)
    shown = cli("plugins", command, "targeted.py").out
    assert "Takes: 9:16, 60 s at most, 50,000,000 bytes at most, h264 or hevc\n" in shown
    assert "Brings a video to: longest, codecs\n" in shown
    told = cli("plugins", command, "targeted.py", "--json").json
    assert told["accepts"]["longest"] == 60
    assert told["fits"] == ["longest", "codecs"]


def test_targets_that_depend_on_settings_are_told_so(cli, folder) -> None:
    lines = TARGETED.splitlines()
    given = [f"    {line.split()[0]} = property(lambda self: {line.partition(' = ')[2]})" if " = " in line else line
             for line in lines]  # fmt: skip
    (folder / "as_set.py").write_text("\n".join(given))
    shown = cli("plugins", "show", "as_set.py").out
    assert "Takes: what its settings say\n" in shown
    assert "Brings a video to: what its settings say\n" in shown
    told = cli("plugins", "show", "as_set.py", "--json").json
    assert (told["accepts"], told["fits"]) == (None, None)


def test_a_plugin_without_targets_says_nothing_of_them(cli) -> None:
    assert "Takes: any video, unless its destination says otherwise\n" in cli("plugins", "show", "gallery").out
    assert "Takes:" not in cli("plugins", "show", "rules").out
    assert "Brings a video to:" not in cli("plugins", "show", "local").out
