"""Workflow files and settings: read, layered, checked.

Layers, strongest first: command-line options, `REELWORK_…` variables, the workflow file, the nearest
`reelwork.toml` up the tree, defaults.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reelwork.errors import WorkflowInvalid
from reelwork.settings.arguments import check_path, check_settings
from reelwork.settings.brands import check_brands, check_place
from reelwork.settings.kinds import Ceiling, Length, Names, Requirement
from reelwork.settings.layers import DEFAULT_PROVIDER, Layer, file_layer, from_environ, laid_over
from reelwork.settings.paths import batch_beside, here, nearest_settings
from reelwork.settings.validation import OPTIONS, explain
from reelwork.text import unfit_place
from reelwork_hooks.models import Brief, Disclosure, Platform, PostCopy

SECTIONS = (
    "brief",
    "provider",
    "limits",
    "budget",
    "posts",
    "review",
    "plugins",
    "plugin",
    "destination",
    "platform",
    "schedule",
)


class _Section(BaseModel):
    # A misspelt key is refused. Passed over, a budget that somebody has set would hold nothing.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ProviderTable(BaseModel):
    """`[provider]`: which one, and its settings. Keys other than `use` are the provider's own."""

    # The provider's own model checks the rest, once the provider has been found and loaded: a setting of every
    # provider is a field of `ProviderConfig` in `reelwork_hooks`.
    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    use: str = DEFAULT_PROVIDER

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

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    use: str | None = None
    """The plugin, if the instance has another name."""
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
    """Renders in progress at once."""
    largest_download: Annotated[float, Field(gt=0)] = 4000
    """Megabytes. The download of a larger video is stopped."""


class BudgetTable(_Section):
    """`[budget]`: ceilings in US dollars. Days and months are UTC."""

    per_job: Ceiling | None = None
    per_run: Ceiling | None = None
    per_day: Ceiling | None = None
    per_month: Ceiling | None = None
    allow_unknown_price: bool = False
    """Allows a render of unknown price although a budget is set."""


class PostsTable(_Section):
    """`[posts]`: consent to posts, and what is done about late ones."""

    unasked: bool = False
    """Allows posts where everyone can see them when there is nobody to ask. Does not apply to
    the videos of a rehearsal, which need `--yes` then."""
    late: Literal["hold", "post", "skip"] = "hold"
    """What is done with a post that is ready more than 15 minutes after its `publish_at`: it is held for a person,
    made all the same, or left out."""


class ReviewTable(_Section):
    """`[review]`: which posts wait until a person has approved them. One reason that applies is enough."""

    always: bool = False
    """Every post waits."""
    destinations: Names = ()
    """Posts to these publishers wait, by the names under `publish`."""
    price_above: Ceiling | None = None
    """Posts wait if the render and posts of their job cost more US dollars than this, or have no known price."""
    score_above: Annotated[float, Field(ge=0, le=1)] | None = None
    """Posts wait if a moderation plugin has given their job a higher score than this, from 0 to 1."""
    first_post: bool = False
    """Posts to an account wait if nothing has been posted to it from this store yet."""
    expires: Length = "7d"
    """How long a review or an appeal waits. After that nothing is posted until somebody asks for it again."""
    remind: Length = "1d"
    """How long a review or an appeal waits until its reminder. None, if this is not shorter than `expires`."""


class ScheduleTable(_Section):
    """`[schedule]`: when the workflow runs by itself, once it was added with `reelwork schedule add NAME FILE`.

    It has one of `cron`, `every`, `at` and `publish`. Lengths of time are written as `90s`, `10m`, `6h` or `2d`.
    """

    cron: str | None = None
    """Five fields: minute, hour, day of the month, month, day of the week. `0 9 * * 1` is Mondays at nine."""
    every: str | None = None
    """A length of time, counted from when the schedule was added."""
    at: str | None = None
    """A local date and time, such as `2027-01-05T18:00`, for one firing."""
    tz: str | None = None
    """The zone of `cron` and `at`, such as `Europe/Berlin`; by default that of the machine."""
    missed: Literal["once", "all", "skip"] = "once"
    """What is done about times at which no server was running: `once` fires the newest within `grace`, `all` fires
    all, oldest first, 10 minutes apart, at most 20, and `skip` fires none."""
    grace: str = "6h"
    """How long after its time a firing is still wanted."""
    overlap: Literal["queue", "skip", "allow"] = "queue"
    """What is done while a job of the previous firing is running: the new one waits, is left out, or is fired."""
    jitter: str = "0s"
    """Delays each firing by less than this. The same time always gets the same delay."""
    on_budget: Literal["refuse", "wait"] = "refuse"
    """What is done when a budget has no room for a whole firing: it is left out, or waits for room."""
    at_end: Literal["stop", "repeat"] = "stop"
    """What is done when every row of a batch file has been used: nothing more fires, or it begins again."""
    publish: str | None = None
    """Slots at which its posts are made, such as `fri 18:00`, `mon,thu 09:30` or `daily 18:00`, or five fields as
    in `cron`. The videos are made before, and wait."""
    lead: str = "1d"
    """How long before each slot of `publish` its video is made."""
    late: Literal["hold", "post", "skip"] = "hold"
    """What is done with a post that is ready more than 15 minutes after its slot: as `late` under `[posts]`."""
    ping: str | None = None
    """The address of a dead man's switch (Healthchecks' protocol), or a reference to it such as `env:NAME`."""


class BrandTable(_Section):
    """`[brands.NAME]` in `reelwork.toml`: a brand, for workflows that have `brand = "NAME"`."""

    per_day: Ceiling | None = None
    """The most US dollars that all jobs of the brand may cost in a day (UTC)."""
    per_month: Ceiling | None = None
    """The same for a month (UTC)."""
    accounts: Names = ()
    """The accounts that the brand may post with, and no other brand. A destination that signs in without an account
    is named by its own name. Without any, the brand may post with all that belong to no other brand."""
    tz: str | None = None
    """The zone of its schedules, such as `Europe/Berlin`, where they name none."""
    reviewers: Names = ()
    """Who may approve posts that wait for a review, and what else is held for a person: names of tokens, or of
    `--by`. Without any, all who may approve."""
    disclosure: Disclosure | None = None
    """What its posts say about AI, where `[destination.NAME]` does not say it."""


class Workflow(_Section):
    """A whole workflow, checked. `brief` is kept as written: a batch row may still complete it."""

    name: str = "reelwork"
    brand: str = ""
    """The brand it is for: one of `[brands.NAME]` in `reelwork.toml`."""
    requires: tuple[Requirement, ...] = ()
    """Packages that must be installed, with their versions, such as `"reelwork-acme>=1.2"`. They are checked before
    anything is sent, and never installed automatically."""
    out: str = "reelwork-out"
    """The folder for results, relative to the folder in which the command is run."""
    brief: dict[str, Any] = {}
    provider: ProviderTable = ProviderTable()
    plugins: PluginLists = PluginLists()
    plugin: dict[str, PluginTable] = {}
    destination: dict[str, PostCopy] = {}
    """`[destination.NAME]`: what this publisher gets in place of the brief's copy, and its own options."""
    platform: dict[str, dict[str, Any]] = {}
    """`[platform.NAME]`: a platform of your own, or changes to one that exists."""
    limits: LimitsTable = LimitsTable()
    budget: BudgetTable = BudgetTable()
    posts: PostsTable = PostsTable()
    review: ReviewTable = ReviewTable()
    schedule: ScheduleTable = ScheduleTable()
    brands: dict[str, BrandTable] = {}
    """`[brands.NAME]`: only in `reelwork.toml`, so that all workflows share them."""

    @property
    def own_brand(self) -> BrandTable:
        """The table of its brand; an empty one if it is for none."""
        return self.brands.get(self.brand, BrandTable())

    @property
    def briefs(self) -> dict[str, Any]:
        """The beginning of every brief: `[brief]`, and the copy under `[destination.NAME]`."""
        if not self.destination:
            return self.brief
        own = {name: copy.model_dump() for name, copy in self.destination.items()}
        return {**self.brief, "destinations": {**self.brief.get("destinations", {}), **own}}

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
    asked_for: tuple[str, ...] = ()
    """Plugins that were not named by the workflow but beside it, as `--plugin` does."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The settings that options laid over the file."""
    options_from: str = OPTIONS
    """The origin of those, for messages."""
    packages: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Of a run that was launched before: the package that each instance, and the provider, came from."""

    def place(self, error: ValidationError, *section: str) -> tuple[str, str]:
        """Return the source of a section's first wrong value, and its text to find the line in."""
        wrong = [str(part) for part in error.errors(include_url=False)[0]["loc"]]
        said = Layer(OPTIONS, self.options).says([*section, *wrong[:1]])
        return (self.options_from, "") if said else (self.source, self.text)


def load(
    path: Path | None = None,
    *,
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    options_from: str = OPTIONS,
) -> Loaded:
    """Read a workflow with all its layers. Raises `WorkflowInvalid` naming the file and the field."""
    check_path("path", path)
    check_settings(options)
    path = None if path is None else Path(path)
    cwd = cwd or here()
    base_dir = path.resolve().parent if path else cwd
    layers = layers_of(path, options or {}, os.environ if environ is None else environ, cwd, options_from)
    check_place(layers[1])
    text = layers[1].text
    data = laid_over(layers)
    data.setdefault("name", path.stem if path else "reelwork")
    workflow = _check(data, layers)
    out = cwd / Path(workflow.out).expanduser()
    return Loaded(
        workflow, base_dir, str(path) if path else "", out, text, options=options or {}, options_from=options_from
    )


def layers_of(
    path: Path | None,
    options: Mapping[str, Any],
    environ: Mapping[str, str],
    cwd: Path,
    options_from: str = OPTIONS,
) -> list[Layer]:
    """Return the layers of a workflow, the weakest first: each is laid over those before it."""
    return [
        file_layer(nearest_settings(cwd)),
        file_layer(path),
        Layer("the environment (REELWORK_…)", from_environ(environ)),
        Layer(options_from, options),
    ]


def relaid(loaded: Loaded, settings: Mapping[str, Any]) -> Loaded:
    """Lay more settings over a workflow that was loaded earlier. Raises `WorkflowInvalid`."""
    check_settings(settings)
    layers = [
        Layer(loaded.source or "the workflow", loaded.workflow.model_dump(mode="json"), loaded.text),
        Layer(OPTIONS, settings),
    ]
    workflow = _check(laid_over(layers), layers)
    out = here() / Path(str(settings["out"])).expanduser() if "out" in settings else loaded.out
    return replace(loaded, workflow=workflow, out=out, options=settings)


NO_PROMPT = 'Write one: `prompt = "…"` under [brief], a column `prompt`, or reelwork run "PROMPT".'


def _with_batch(where: str) -> str:
    """Say how a workflow without a prompt is run when a batch file lies beside it."""
    workflow = Path(where)
    batch = batch_beside(workflow) if workflow.suffix == ".toml" and workflow.is_file() else ""
    return f"\nOr run it with the batch beside it: reelwork run {batch} --workflow {workflow}" if batch else ""


def brief_from(data: Mapping[str, Any], where: str, text: str = "", *, section: str = "brief") -> Brief:
    """Return the brief of a `[brief]` table or, without a `section`, of a batch row.

    Raises `WorkflowInvalid` naming the field.
    """
    # Before pydantic, whose words for a missing key do not say where a prompt is written.
    if not str(data.get("prompt", "")).strip():
        raise WorkflowInvalid(
            f"{where}: there is no prompt.",
            hint=NO_PROMPT + _with_batch(where),
        )
    if unfit := unfit_place(data, section):
        field, problem = unfit
        raise WorkflowInvalid(f"{where}: {field} cannot be used: {problem}.", hint="Write it again.")
    try:
        return Brief.model_validate(dict(data))
    except ValidationError as error:
        raise explain(error, Brief, where, text=text, section=section) from error


def own_platforms(
    workflow: Workflow, built_in: Mapping[str, Platform], where: str, text: str = ""
) -> dict[str, Platform]:
    """Return the platforms a workflow adds or changes, by name and alias. Raises `WorkflowInvalid`."""
    found = {}
    for name, changes in workflow.platform.items():
        # A change to a built-in platform need not repeat the rest of it.
        base = dict(built_in[name]) if name in built_in else {"name": name}
        try:
            platform = Platform.model_validate({**base, **changes})
        except ValidationError as error:
            raise explain(error, Platform, where, text=text, section=f"platform.{name}") from error
        found.update(dict.fromkeys((platform.name, *platform.aliases), platform))
    return found


def _check(data: Mapping[str, Any], layers: Sequence[Layer]) -> Workflow:
    if unfit := unfit_place(data):
        field, problem = unfit
        giving = [layer for layer in layers if layer.says(field.split("."))]
        where = (giving[-1] if giving else layers[1]).where or "the workflow"
        raise WorkflowInvalid(f"{where}: {field} cannot be used: {problem}.", hint="Write it again.")
    try:
        workflow = Workflow.model_validate(data)
    except ValidationError as error:
        wrong = [str(part) for part in error.errors(include_url=False)[0]["loc"]]
        # The uppermost layer that defines the value: a correction anywhere below would be laid over again.
        giving = [layer for layer in layers if layer.says(wrong)]
        layer = giving[-1] if giving else layers[1]
        raise explain(error, Workflow, layer.where or "the workflow", text=layer.text) from error
    check_brands(workflow.brand, workflow.brands, layers)
    return workflow
