"""A plugin's documentation, from its own code: its page, what it does in a run, its account, examples to copy."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from reelwork.cli.views.plugin_page import page, page_as_json, settings_of
from reelwork.cli.views.text import described, line_width
from reelwork.plugins.definition import Definition
from reelwork.plugins.ordering import instance_name
from reelwork_hooks import specs
from reelwork_hooks.accounts import AccountField
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.plugin import Plugin

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_PLACEHOLDERS: Mapping[str, Any] = {"whole number": 1, "number": 1.0, "true | false": True, "table": {}}
_FIELDS = {
    "--identifier": "The handle or address to sign in with.",
    "--password-file, --password-env": "The (app) password; asked for by default.",
    "--service": "The server to sign in to; by default the plugin's own.",
    "--name": "The account's name here; by default the plugin's.",
}
_AGAINST_TWICE = {
    Idempotency.KEY: "The destination knows a repeated post by its key.",
    Idempotency.LOOKUP: "It looks up whether a post arrived, and never posts blindly.",
    Idempotency.NONE: "A post whose outcome is unknown is held for a person.",
}


def docs_page(definition: Definition, listed: str) -> Iterator[str]:
    """Yield the documentation, line by line. `listed` is how a workflow lists the plugin."""
    yield from page(definition)
    if definition.hooks:
        yield from _section("What its hooks do", [["HOOK", "WHAT IT DOES"], *map(list, _hooks(definition).items())])
    if facts := list(facts_of(definition)):
        yield from ("", "In a run", *(f"  {fact}" for fact in facts))
    if account := account_of(definition):
        yield from _section(f"Its account: {account['add']}", [["OPTION", "MEANING"], *account["fields"]])
    for example in examples_of(definition, listed):
        yield from ("", "In a workflow", *(f"  {line}".rstrip() for line in example.splitlines()))


def _section(title: str, rows: list[list[str]]) -> Iterator[str]:
    yield from ("", title, *(f"  {line}" for line in described(rows, width=line_width() - 2)))


def docs_as_json(definition: Definition, listed: str) -> dict[str, Any]:
    """Return the documentation as programs get it."""
    account = account_of(definition)
    return {
        **page_as_json(definition),
        "hook_meanings": _hooks(definition),
        "facts": list(facts_of(definition)),
        "account": account and {"add": account["add"], "options": dict(account["fields"])},
        "examples": list(examples_of(definition, listed)),
    }


def _hooks(definition: Definition) -> dict[str, str]:
    """Return the plugin's hooks, each with what the contract says it does."""
    texts = {hook: inspect.getdoc(getattr(specs, hook)) or "" for hook in definition.hooks}
    meanings = {hook: " ".join(text.partition("\n\n")[0].split()) for hook, text in texts.items()}
    if "pre_moderate" in meanings:
        # The contract names the stages of a plugin that declares none; its own stand under what it does in a run.
        meanings["pre_moderate"] = meanings["pre_moderate"].partition(". ")[0] + "."
    return meanings


def facts_of(definition: Definition) -> Iterator[str]:
    """Yield what the plugin declares about itself that matters for order, money and posts."""

    def declared(name: str) -> Any:
        return getattr(definition.target, name, getattr(Plugin, name, None))

    if "post_download" in definition.hooks:
        yield f"post_download runs in the phase {getattr(declared('phase'), 'value', declared('phase'))}."
    if "pre_moderate" in definition.hooks:
        yield f"pre_moderate is asked at: {_stages(declared('moderates'))}."
    if declared("costs") is True:
        yield "It costs money to call: a dry run leaves it out."
    if "publish" in definition.hooks:
        yield "What it posts is public." if declared("public") else "It only writes on this machine."
        yield _AGAINST_TWICE.get(declared("idempotency"), _AGAINST_TWICE[Idempotency.NONE])
    if declared("needs_public_address") is True:
        yield "It needs a public address of the video: a storage plugin such as storage, with a bucket."
    if callable(declared("public_url")):
        yield "It gives other plugins public addresses of what it stored."
    yield from declared("notes")


def _stages(given: Any) -> str:
    # A property depends on the instance; what is no stage is told by `plugins check`.
    return ", ".join(map(str, given)) if isinstance(given, list | tuple) else "what its settings say"


def account_of(definition: Definition) -> dict[str, Any] | None:
    """Return how an account is added for the plugin; None if it signs in to nothing."""
    by_oauth = getattr(definition.target, "oauth", None) is not None
    if not by_oauth and not callable(getattr(definition.target, "sign_in", None)):
        return None
    declared = getattr(definition.target, "account_fields", ())
    options = dict(_FIELDS)
    if by_oauth or declared:
        options = {f"--field {field.name}={_how_given(field)}": _meaning(field) for field in declared}
        options["--name"] = _FIELDS["--name"]
    if by_oauth:
        options["--no-browser"] = "Show the page's address, and paste the answer."
    return {"add": f"reelwork accounts add {definition.name}", "fields": [list(item) for item in options.items()]}


def _how_given(field: AccountField) -> str:
    return "env:NAME" if field.secret else "VALUE"


def _meaning(field: AccountField) -> str:
    by_default = f"By default {field.default}." if field.default else "" if field.required else "May be left out."
    title = field.title or field.name.replace("_", " ").capitalize()
    return " ".join(part for part in (f"{title}.", field.help, by_default) if part)


def examples_of(definition: Definition, listed: str) -> Iterator[str]:
    """Yield parts of workflows that use the plugin, each with all settings.

    Those that are required have a placeholder; those that may be left out are comments with their default.
    """
    if definition.hooks:
        table = instance_name(listed)
        name = table if _BARE.match(table) else json.dumps(table)
        lines = list(_assignments(definition.config_model))
        yield "\n".join(
            ["[plugins]", f"add = [{_toml(listed)}]", *(["", f"[plugin.{name}]", *lines] if lines else [])]
        )
    for provider, kind in definition.providers.items():
        yield "\n".join(["[provider]", f"use = {_toml(provider)}", *_assignments(kind.Config)])
    if definition.platforms:
        yield "\n".join(["[brief]", f"platforms = [{_toml(definition.platforms[0].name)}]"])


def _assignments(model: type[BaseModel]) -> Iterator[str]:
    for item in sorted(settings_of(model), key=lambda item: not item["required"]):
        key = item["name"] if _BARE.match(item["name"]) else json.dumps(item["name"])
        if item["required"]:
            yield f"{key} = {_toml(_placeholder(item['type']))}  # required"
        elif item["default"] is None:
            yield f"# {key} = {_toml(_placeholder(item['type']))}  # by default none"
        else:
            yield f"# {key} = {_toml(item['default'])}"


def _placeholder(kind: str) -> Any:
    first = kind.partition(" | ")[0]
    if kind.startswith("list of "):
        return [_placeholder(kind.removeprefix("list of "))]
    if kind in _PLACEHOLDERS or first in _PLACEHOLDERS:
        return _PLACEHOLDERS.get(kind, _PLACEHOLDERS.get(first))
    # A closed choice is shown as its first value, and free text as what is to be replaced.
    return first if " | " in kind and first != "text" else "..."


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(
            f"{json.dumps(str(key))} = {_toml(one)}" for key, one in value.items() if one is not None
        )
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value if one is not None)}]"
    # JSON writes text, numbers and truth as TOML does.
    return json.dumps(value, ensure_ascii=False)
