"""Workflow files and settings: read, layered, checked.

Layers, strongest first: command-line options, `REELWORK_…` variables, the workflow file, the nearest
`reelwork.toml` up the tree, defaults.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reelwork.errors import WorkflowInvalid
from reelwork.invalid import explain
from reelwork.locations import nearest_settings, parse_toml, read_text
from reelwork_hooks.models import Brief, Platform

SECTIONS = ("brief", "provider", "limits", "budget", "plugins", "plugin", "platform")
OTHER_NAMES = {"n": "takes", "webhook_url": "webhook"}

Names = tuple[Annotated[str, Field(min_length=1)], ...]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProviderTable(BaseModel):
    """`[provider]`: which one, and its settings. Keys other than `use` are the provider's own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str = "preview"

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but `use`."""
        return dict(self.model_extra or {})


class PluginLists(_Section):
    """`[plugins]`: which instances run at each hook, in order. An entry is an instance's name or a .py file."""

    pre_moderate: Names = ("rules",)
    prompt_transform: Names = ("platform-style",)
    post_download: Names = ("thumbnail", "local")
    publish: Names = ("gallery",)
    job_event: Names = ()
    add: Names = ()
    """Instances or files added to the lists above, each at every hook it implements. Writing
    `plugins = [...]` at the top of the file means this."""


class PluginTable(BaseModel):
    """`[plugin.NAME]`: an instance. Keys other than `use` and `time_limit` are the plugin's own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str | None = None
    """The plugin, when the instance has a name of its own."""
    time_limit: Annotated[float, Field(gt=0)] | None = None
    """Seconds each of its hooks may take."""

    @property
    def settings(self) -> dict[str, Any]:
        """The plugin's own keys."""
        return dict(self.model_extra or {})


class LimitsTable(_Section):
    """`[limits]`: what the provider's account allows. Shared by every process that uses the store."""

    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    requests_per_day: Annotated[int, Field(ge=1)] | None = None
    concurrent: Annotated[int, Field(ge=1)] | None = None
    """Renders under way at once."""


class BudgetTable(_Section):
    """`[budget]`: ceilings in US dollars. Days and months are UTC."""

    per_job: Annotated[Decimal, Field(ge=0)] | None = None
    per_run: Annotated[Decimal, Field(ge=0)] | None = None
    per_day: Annotated[Decimal, Field(ge=0)] | None = None
    per_month: Annotated[Decimal, Field(ge=0)] | None = None
    allow_unknown_price: bool = False
    """Whether a render whose price is not known may be sent while a ceiling is set."""


class Workflow(_Section):
    """A whole workflow, checked. `brief` is kept as written: a batch row may still complete it."""

    name: str = "reelwork"
    out: str = "reelwork-out"
    """The folder results are put in, relative to where the command is run."""
    brief: dict[str, Any] = {}
    provider: ProviderTable = ProviderTable()
    plugins: PluginLists = PluginLists()
    plugin: dict[str, PluginTable] = {}
    platform: dict[str, dict[str, Any]] = {}
    """`[platform.NAME]`: a platform of your own, or changes to one that exists."""
    limits: LimitsTable = LimitsTable()
    budget: BudgetTable = BudgetTable()

    @model_validator(mode="before")
    @classmethod
    def _plugins_as_list(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("plugins"), list):
            return {**data, "plugins": {"add": data["plugins"]}}
        return data


@dataclass(frozen=True)
class Loaded:
    """A workflow with where it came from."""

    workflow: Workflow
    base_dir: Path
    """Relative paths in the workflow are meant from here."""
    source: str
    """The file, for messages; empty when there was none."""
    out: Path
    """The folder for results, absolute."""
    text: str = ""


def load(
    path: Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Loaded:
    """Read a workflow with all its layers. Raises `WorkflowInvalid` naming the file and the field."""
    cwd = cwd or Path.cwd()
    base_dir = path.resolve().parent if path else cwd
    text = read_text(path) if path else ""
    settings_file = nearest_settings(cwd)
    layers = [
        _Layer(str(settings_file), _shared_layer(settings_file)),
        _Layer(str(path) if path else "", parse_toml(text, str(path)) if path else {}),
        _Layer("the environment (REELWORK_…)", from_environ(os.environ if environ is None else environ)),
        _Layer("the options", options or {}),
    ]
    data = _laid_over(layers)
    data.setdefault("name", path.stem if path else "reelwork")
    workflow = _check(data, layers, text)
    out = cwd / Path(workflow.out).expanduser()
    return Loaded(workflow, base_dir, str(path) if path else "", out, text)


def from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    """The `REELWORK_SECTION_KEY` variables as a layer; `REELWORK_OUT` stands for the key `out`."""
    layer: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        section, _, key = name.removeprefix("REELWORK_").lower().partition("_")
        if not name.startswith("REELWORK_"):
            continue
        if section == "out" and not key:
            layer["out"] = value
        elif section in ("brief", "provider", "limits", "budget") and key:
            layer.setdefault(section, {})[key] = scalar(value)
    return layer


def from_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """`section.key=value` options as a layer. Raises `WorkflowInvalid`."""
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
        table[keys[-1]] = scalar(value)
    return layer


def scalar(text: str) -> Any:
    """A value as TOML would read it, or the text itself."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str | list | dict) else text


def with_one_name(brief: Mapping[str, Any]) -> dict[str, Any]:
    """A brief's table with each parameter under its own name, so that one layer can replace another's.

    Where both names of one parameter are given they are left, for the check that says so.
    """
    plain = dict(brief)
    for other, name in OTHER_NAMES.items():
        if other in plain and name not in plain:
            plain[name] = plain.pop(other)
    if "input_reference" in plain and "references" not in plain:
        plain["references"] = [{"source": plain.pop("input_reference")}]
    return plain


def brief_from(data: Mapping[str, Any], where: str, text: str = "") -> Brief:
    """A brief from a `[brief]` table or a batch row. Raises `WorkflowInvalid` naming the field."""
    if not str(data.get("prompt", "")).strip():
        raise WorkflowInvalid(
            f"{where}: there is no prompt.",
            hint='Write one: `prompt = "…"` under [brief], a column `prompt`, or reelwork run "PROMPT".',
        )
    try:
        return Brief.model_validate(dict(data))
    except ValidationError as error:
        raise explain(error, Brief, where, text=text, section="brief") from error


def own_platforms(workflow: Workflow, built_in: Mapping[str, Platform], where: str) -> dict[str, Platform]:
    """The platforms a workflow adds or changes, by name and alias. Raises `WorkflowInvalid`."""
    found = {}
    for name, changes in workflow.platform.items():
        base = dict(built_in[name]) if name in built_in else {"name": name}
        try:
            platform = Platform.model_validate({**base, **changes})
        except ValidationError as error:
            raise explain(error, Platform, where, section=f"platform.{name}") from error
        found.update(dict.fromkeys((platform.name, *platform.aliases), platform))
    return found


def _shared_layer(settings_file: Path | None) -> dict[str, Any]:
    if settings_file is None:
        return {}
    layer = parse_toml(read_text(settings_file), str(settings_file))
    layer.pop("store", None)
    return layer


@dataclass(frozen=True)
class _Layer:
    where: str
    values: Mapping[str, Any]


def _laid_over(layers: Sequence[_Layer]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    added: list[Any] = []
    for layer in layers:
        values = dict(layer.values)
        plugins = values.get("plugins")
        if isinstance(plugins, list):
            values["plugins"] = plugins = {"add": plugins}
        if isinstance(plugins, Mapping) and isinstance(plugins.get("add"), list | tuple):
            added += plugins["add"]
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
    return bool(chosen["use"] != before.get("use", ProviderTable().use))


def _merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            if key == "brief" and isinstance(value, Mapping):
                value = with_one_name(value)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[key] = _merge(below, value)
            else:
                merged[key] = value
    return merged


def _check(data: Mapping[str, Any], layers: Sequence[_Layer], text: str) -> Workflow:
    try:
        return Workflow.model_validate(data)
    except ValidationError as error:
        wrong = [str(part) for part in error.errors(include_url=False)[0]["loc"]]
        # The uppermost layer that says it is the one to correct.
        giving = [layer.where for layer in layers if _says(layer.values, wrong)]
        place = giving[-1] if giving else layers[1].where or "the workflow"
        raise explain(error, Workflow, place, text=text if place == layers[1].where else "") from error


def _says(values: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(values, Mapping):
            return True
        if key not in values:
            return False
        values = values[key]
    return True
