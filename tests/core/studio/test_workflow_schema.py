"""The schema of workflow files: every example fits it, every mistyped key does not."""

from __future__ import annotations

import importlib.metadata
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from reelwork.cli.commands.init import STARTERS
from reelwork.cli.commands.schema import schema_text
from reelwork.plugins.catalog import GROUP, Catalog
from reelwork.plugins.definition import Definition
from reelwork.studio.workflow_schema import workflow_schema

ROOT = Path(__file__).resolve().parents[3]
STARTER_FILES = sorted((ROOT / "core/reelwork/cli/starters").glob("*.toml.txt"))
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("**/*.toml")) if path.name != "pyproject.toml"]


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    schema = json.loads(schema_text(built_in=True))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def problems(validator: Draft7Validator, text: str) -> list[str]:
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


def test_the_schema_in_the_documentation_is_up_to_date() -> None:
    kept = (ROOT / "docs/workflow.schema.json").read_text(encoding="utf-8")
    assert kept == schema_text(built_in=True), "run: reelwork schema --built-in --out docs/workflow.schema.json"


@pytest.mark.parametrize("path", [*EXAMPLES, *STARTER_FILES], ids=lambda path: path.name)
def test_every_example_and_starter_fits(validator: Draft7Validator, path: Path) -> None:
    assert problems(validator, path.read_text(encoding="utf-8")) == []


def test_every_starter_names_the_schema_for_editors() -> None:
    assert {path.name.removesuffix(".txt") for path in STARTER_FILES} <= {
        name for starter in STARTERS.values() for name in starter.files
    }
    for path in STARTER_FILES:
        assert path.read_text(encoding="utf-8").startswith("#:schema ./workflow.schema.json\n")


RIGHT = [
    "[brief]\nn = 2\nwebhook_url = 'https://example.com'\ninput_reference = 'a.png'",
    "[brief]\nplatforms = ['youtube', 'mine']",
    "[provider]\npoll_interval = 3",
    "[provider]\nuse = 'videos-api'\nbase_url = 'http://127.0.0.1:1'\napi_key = 'env:KEY'",
    "[provider]\nuse = 'of-another-package'\nanything = 1",
    "plugins = ['rules', 'mine.py']",
    "[plugins]\npublish = ['brand-a']\n[plugin.brand-a]\nuse = 'gallery'",
    "[plugin.rules]\nmin_length = 3\ntime_limit = 5",
    "[plugin.strict]\nuse = 'rules'\nmin_length = 3",
    "[plugin.my-plugin]\nanything = 3",
    "[platform.cinema]\naspect_ratio = '21:9'",
    "[budget]\nper_day = 2.5",
]
WRONG = [
    "nmae = 'x'",
    "[brief]\nduratoin = 2",
    "[brief]\nresolution = '4x'",
    "[provider]\nbase_url = 'http://127.0.0.1:1'",
    "[provider]\nuse = 'videos-api'\nbase_ulr = 'http://127.0.0.1:1'",
    "[provider]\nuse = 'videos-api'\napi_key = 'sk-1234567890'",
    "[plugins]\npublihs = ['gallery']",
    "[plugin.rules]\nmin_lenght = 3",
    "[plugin.strict]\nuse = 'rules'\nmin_lenght = 3",
    "[plugin.rules]\nuse = 'thumbnail'\nmin_length = 3",
    "[plugin.rules]\ntime_limit = 0",
    "[platform.cinema]\naspect = '21:9'",
    "[limits]\nconcurrent = 0",
    "[budget]\nper_week = 2",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_reelwork_takes_fits(validator: Draft7Validator, text: str) -> None:
    assert problems(validator, text) == []


@pytest.mark.parametrize("text", WRONG)
def test_what_reelwork_refuses_does_not_fit(validator: Draft7Validator, text: str) -> None:
    assert len(problems(validator, text)) == 1


def test_keys_have_the_meanings_written_below_them(validator: Draft7Validator) -> None:
    schema: Any = validator.schema
    properties = schema["properties"]
    assert properties["brief"]["properties"]["duration"]["description"] == "Seconds of video."
    videos_api = next(rule for rule in properties["provider"]["allOf"] if rule["if"].get("required"))
    assert "api_key" in videos_api["then"]["properties"]


def test_a_package_s_own_plugin_is_in_the_schema() -> None:
    entries = importlib.metadata.entry_points(group=GROUP)
    built_in = Catalog([entry for entry in entries if entry.value.startswith("reelwork_plugins.")])
    built_in.add("shout", _shout())
    plugins = [item for item in built_in.everything() if isinstance(item, Definition)]
    validator = Draft7Validator(workflow_schema(plugins))
    assert problems(validator, "[plugin.shout]\nloud = true") == []
    assert problems(validator, "[plugin.shout]\nlood = true") != []


def _shout() -> type:
    from reelwork_hooks import Config, Plugin, Prompt, hookimpl

    class ShoutConfig(Config):
        loud: bool = False

    class Shout(Plugin):
        Config = ShoutConfig

        @hookimpl
        def prompt_transform(self, prompt: Prompt) -> Prompt:
            return prompt.replace(text=prompt.text.upper())

    return Shout
