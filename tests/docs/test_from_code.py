"""Nothing in the pages that is taken from the code is out of date, and nothing is left out."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import reelwork_hooks
from reelwork.cli.app import reelwork
from reelwork.plugins.catalog import Catalog
from reelwork.plugins.definition import HOOKS, Definition
from reelwork.plugins.listing import entry_of
from reelwork.server.api import models
from reelwork.settings.workflow import SECTIONS, Workflow
from reelwork.studio.job_view import TOLD
from reelwork_hooks import specs

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "docs"))
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "docs"))


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_parts_from_the_code_are_up_to_date(page: Path, generate: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == generate.up_to_date(text), "run: python docs/generate.py"


def test_headings_of_the_hooks_are_their_signatures() -> None:
    headings = re.findall(r"^## `(.*)`$", text_of("docs/hooks.md"), re.MULTILINE)
    signatures = [f"{hook}{inspect.signature(getattr(specs, hook))}".replace("'", "") for hook in HOOKS]
    assert sorted(headings) == sorted(signatures)


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_says_when_what_and_how_it_fails_with_an_example(hook: str) -> None:
    section = next(part for part in text_of("docs/hooks.md").split("\n## ") if part.startswith(f"`{hook}("))
    for needed in ("**When.**", "**Return**", "**When it fails", f"def {hook}("):
        assert needed in section


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}")


def test_every_command_and_option_is_documented() -> None:
    page = text_of("docs/cli.md")
    for name, command in commands(reelwork, "reelwork"):
        assert f"## `{name}`" in page
        section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        for option in (one for one in command.params if isinstance(one, click.Option)):
            assert all(word in section for word in option.opts), f"{name} {option.opts}"


def test_every_section_and_key_of_a_workflow_is_documented() -> None:
    page = text_of("docs/workflows.md")
    for section in (set(Workflow.model_fields) & set(SECTIONS)) - {"plugin", "platform", "destination"}:
        assert f"## `[{section}]`" in page
    for key in Workflow.model_fields:
        assert f"| `{key}` |" in page


def test_every_plugin_provider_and_setting_is_documented() -> None:
    networks = (
        *(
            "bluesky",
            "discord",
            "facebook",
            "instagram",
            "linkedin",
            "mastodon",
            "telegram",
            "threads",
            "tiktok",
            "x",
        ),
        "youtube",
    )
    own = (
        "plugins",
        "finishing",
        "provenance",
        "providers",
        "fal",
        "kling",
        "storage",
        *networks,
        "webhook-publisher",
        "openai-moderation",
        "template",
        "llm-rewrite",
    )
    pages = "".join(text_of(f"docs/{name}.md") for name in own)
    for definition in Catalog().everything():
        assert isinstance(definition, Definition), definition.problem
        models = [definition.config_model, *(provider.Config for provider in definition.providers.values())]
        assert f"`{definition.name}`" in pages
        for model in models:
            for key in model.model_fields:
                assert f"| `{key}` |" in pages, f"{definition.name}: {key}"


def test_every_public_name_of_the_contract_is_documented() -> None:
    page = text_of("docs/models.md")
    for name in sorted(set(reelwork_hooks.__all__) - {"hookimpl", "hookspec"}):
        value = getattr(reelwork_hooks, name)
        written = f"### `{name}`" if inspect.isclass(value) and name != "Frozen" else f"`{name}`"
        assert written in page, name


def test_every_member_of_a_model_has_a_type_and_a_meaning(generate: ModuleType) -> None:
    classes = [getattr(reelwork_hooks, name) for name in reelwork_hooks.__all__]
    for kind in filter(inspect.isclass, classes):
        for member, type_of, meaning in generate._attributes(kind):
            assert meaning, f"{kind.__name__}.{member} has no meaning"
            assert "Any`" not in type_of, f"{kind.__name__}.{member} is of any type"


def test_meanings_are_of_members_that_there_are() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    words = importlib.import_module("member_words")
    sys.path.remove(str(ROOT / "docs"))
    for key in words.MEMBERS:
        owner, _, member = key.partition(".")
        kind = getattr(reelwork_hooks, owner)
        assert member in kind.__annotations__ or member in getattr(kind, "__members__", ()), key


def test_every_setting_has_a_meaning() -> None:
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("| `") and line.count(" | ") == 3:
                assert not line.endswith("|  |"), f"{page.name}: {line}"


def test_messages_of_troubleshooting_are_said_by_the_code() -> None:
    sources = [*ROOT.glob("core/**/*.py"), *ROOT.glob("hooks/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    said = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    messages = re.findall(r"^### `(.*)`$", text_of("docs/troubleshooting.md"), re.MULTILINE)
    assert len(messages) > 20
    for message in messages:
        for part in filter(None, (part.strip() for part in message.split("…"))):
            assert part in said, message


def test_the_description_of_the_api_has_every_field_of_a_job() -> None:
    # Here, where it costs nothing, since fields of a job are added far from the API.
    assert set(models.Job.model_fields) == {*TOLD, "charged", "reserved", "next"}
    assert set(models.Plugin.model_fields) == set(entry_of(Catalog().get("gallery")))
