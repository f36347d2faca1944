"""The layers of settings: their sources, and how they are merged."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwork.errors import WorkflowInvalid
from reelwork.settings.paths import OF_SETTINGS_FILE, SETTINGS_FILE, parse_toml, read_text

DEFAULT_PROVIDER = "preview"
OTHER_NAMES = {"n": "takes", "webhook_url": "webhook"}


@dataclass(frozen=True)
class Layer:
    """Settings from one source."""

    where: str
    """The place, for messages."""
    values: Mapping[str, Any]
    text: str = ""
    """The file's text, to find lines in."""

    def says(self, path: Sequence[str]) -> bool:
        """Return whether the key at this path is written here."""
        values: Any = self.values
        for key in path:
            if not isinstance(values, Mapping):
                # A value in place of a table is what is wrong, so this is the layer to correct.
                return True
            if key not in values:
                return False
            values = values[key]
        return True


def file_layer(path: Path | None) -> Layer:
    """Return the settings of a TOML file; an empty layer without a file. Raises `WorkflowInvalid`."""
    if path is None:
        return Layer("", {})
    text = read_text(path)
    values = parse_toml(text, str(path))
    if path.name == SETTINGS_FILE:
        # Not parts of a workflow: `settings.paths` and its neighbours read them.
        for key in OF_SETTINGS_FILE:
            values.pop(key, None)
    return Layer(str(path), values, text)


def laid_over(layers: Sequence[Layer]) -> dict[str, Any]:
    """Merge the layers, each over those before it."""
    merged: dict[str, Any] = {}
    added: list[Any] = []
    required: list[Any] = []
    for layer in layers:
        values = dict(layer.values)
        plugins = values.get("plugins")
        if isinstance(plugins, list):
            values["plugins"] = plugins = {"add": plugins}
        # `add` adds in every layer. Merged like other lists, the last layer would drop what the others add.
        if isinstance(plugins, Mapping) and isinstance(plugins.get("add"), list | tuple):
            added += plugins["add"]
        # What one layer requires, another does not take back; only an empty list does.
        if isinstance(requires := values.get("requires"), list | tuple):
            values["requires"] = required = (
                [*required, *(one for one in requires if one not in required)] if requires else []
            )
        if _chooses_other_provider(values, merged):
            # The settings below belong to the provider that is not used.
            merged.pop("provider", None)
        merged = _merge(merged, values)
    if added and isinstance(merged.get("plugins"), dict):
        merged["plugins"] = {**merged["plugins"], "add": added}
    return merged


def _chooses_other_provider(values: Mapping[str, Any], below: Mapping[str, Any]) -> bool:
    chosen, before = values.get("provider"), below.get("provider")
    if not isinstance(chosen, Mapping) or not isinstance(before, Mapping) or "use" not in chosen:
        return False
    return bool(chosen["use"] != before.get("use", DEFAULT_PROVIDER))


def _merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            if key == "brief" and isinstance(value, Mapping):
                # A layer that writes `n` must replace the `takes` of one below, and not stand beside it.
                value = with_one_name(value)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[key] = _merge(below, value)
            else:
                merged[key] = value
    return merged


def from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the `REELWORK_SECTION_KEY` variables as a layer; `REELWORK_OUT` stands for the key `out`."""
    layer: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        section, _, key = name.removeprefix("REELWORK_").lower().partition("_")
        if not name.startswith("REELWORK_"):
            continue
        if section == "out" and not key:
            layer["out"] = value
        elif section in ("brief", "provider", "limits", "budget", "posts") and key:
            layer.setdefault(section, {})[key] = scalar(value)
    return layer


def from_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Return `section.key=value` options as a layer. Raises `WorkflowInvalid`."""
    layer: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise WorkflowInvalid(
                f"--set {assignment!r} is not of the form section.key=value.",
                hint="For example: --set provider.poll_interval=5",
            )
        table = layer
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise WorkflowInvalid(f"--set {assignment!r}: {key!r} was already given as a single value.")
        table[keys[-1]] = scalar(value)
    return layer


def scalar(text: str) -> Any:
    """Return a value as TOML would read it, or the text itself."""
    try:
        # Read by TOML, so that `5`, `true` and `["a"]` mean what they mean in the file.
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    value = table["value"]
    if len(table) > 1 or (isinstance(value, int | float) and "#" in text):
        # What looks like further lines or a comment is part of a text.
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def with_one_name(brief: Mapping[str, Any]) -> dict[str, Any]:
    """Return a brief's table with each parameter under its own name.

    Where both names of one parameter are given they are left, for the check that says so.
    """
    plain = dict(brief)
    for other, name in OTHER_NAMES.items():
        if other in plain and name not in plain:
            plain[name] = plain.pop(other)
    if "input_reference" in plain and "references" not in plain:
        plain["references"] = [{"source": plain.pop("input_reference")}]
    if "hashtags" in plain:
        plain["hashtags"] = _without_signs(plain["hashtags"])
    return plain


def _without_signs(hashtags: Any) -> Any:
    """Return hashtags without the # that people write them with."""
    if not isinstance(hashtags, list | tuple):
        return hashtags
    return [tag.strip().removeprefix("#") if isinstance(tag, str) else tag for tag in hashtags]
