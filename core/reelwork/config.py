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
from reelwork_hooks.models import Brief, Platform

SECTIONS = ("brief", "provider", "limits", "budget", "plugins", "plugin", "platform")
SETTINGS_FILE = "reelwork.toml"
DEFAULT_STORE = Path("~/.local/share/reelwork/store.db")

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
    text = _read(path) if path else ""
    own = _parse(text, str(path)) if path else {}
    settings_file = nearest_settings(cwd)
    shared = _shared_layer(settings_file)
    environment = from_environ(os.environ if environ is None else environ)
    data = _merge(shared, own, environment, options or {})
    data.setdefault("name", path.stem if path else "reelwork")
    workflow = _check(data, str(path) if path else "", text, settings_file)
    return Loaded(workflow, base_dir, str(path) if path else "", text)


def store_path(option: str | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """Where the store is: the option, `REELWORK_STORE`, `store` in `reelwork.toml`, or the user's own."""
    environ = os.environ if environ is None else environ
    chosen = option or environ.get("REELWORK_STORE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    settings = nearest_settings(Path.cwd())
    if settings is not None:
        written = _parse(_read(settings), str(settings)).get("store")
        if isinstance(written, str):
            return (settings.parent / Path(written).expanduser()).resolve()
    data_home = environ.get("XDG_DATA_HOME")
    return Path(data_home, "reelwork", "store.db") if data_home else DEFAULT_STORE.expanduser()


def nearest_settings(start: Path) -> Path | None:
    """The nearest `reelwork.toml`, here or in a folder above."""
    return next(
        (folder / SETTINGS_FILE for folder in (start, *start.parents) if (folder / SETTINGS_FILE).is_file()),
        None,
    )


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
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WorkflowInvalid(f"There is no file {path}.", hint="Check the name, or run `reelwork init`.") from None
    except UnicodeDecodeError as error:
        raise WorkflowInvalid(
            f"{path} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8 and run again."
        ) from error
    except OSError as error:
        raise WorkflowInvalid(f"{path} cannot be read: {error.strerror}.") from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WorkflowInvalid(
            f"{where} is not valid TOML: {error}.", hint='Text values need quotes: key = "value".'
        ) from error


def _shared_layer(settings_file: Path | None) -> dict[str, Any]:
    if settings_file is None:
        return {}
    layer = _parse(_read(settings_file), str(settings_file))
    layer.pop("store", None)
    return layer


def _merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = merged.get(key)
            if isinstance(below, dict) and isinstance(value, Mapping):
                merged[key] = _merge(below, value)
            else:
                merged[key] = value
    return merged


def _check(data: Mapping[str, Any], where: str, text: str, settings_file: Path | None) -> Workflow:
    try:
        return Workflow.model_validate(data)
    except ValidationError as error:
        place = where or (str(settings_file) if settings_file else "the options")
        raise explain(error, Workflow, place, text=text) from error
