"""A job as hooks see it, what happens to it, and the answer that it has to wait."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from reelwork_hooks.briefs import Brief, Platform, Prompt, Spec
from reelwork_hooks.clips import Asset
from reelwork_hooks.frozen import Frozen, FrozenMapping
from reelwork_hooks.targets import Target


class ProviderManifest(Frozen):
    """The C2PA manifest in a provider's file, as it was found after the download."""

    state: Literal["valid", "invalid", "unchecked"]
    """`unchecked`: the extra `provenance` is not installed, or the file only names the manifest's address. No list
    of trusted signers was used."""
    signer: str = ""
    """The name in the signer's certificate."""
    source: str = ""
    """The digital source type by which it says that AI took part; empty if it does not."""
    problem: str = ""
    """The reason why it is not valid, or was not checked."""


class RenderFacts(Frozen):
    """The known facts about a job's generation at the provider."""

    provider: str
    remote_id: str
    status: str
    cost: Decimal | None = None
    """US dollars: what the provider reported, else the estimate; None when unknown."""
    model: str | None = None
    """The model that was asked for; None when the provider's own choice made it."""
    manifest: ProviderManifest | None = None
    """The C2PA manifest in the file that was downloaded; None if it had none."""


class PluginVersion(Frozen):
    """The package that a plugin came from, and its version."""

    package: str
    """The file's name for a plugin that is a file."""
    version: str = ""
    """Empty for a file."""


class Pending(Frozen):
    """The answer of a hook whose other side is not ready yet, such as one that processes an upload.

    The job then waits as a row, without a slot, and any process may continue it. The same hook is called again and
    gets this value back. `post_download`, `prepare_publish`, `follow_post` and a provider's `prepare` may answer
    it.
    """

    after: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Seconds from now. Less than one counts as one."""
    state: JsonValue = None
    """What the next call needs, such as an upload's id. No secrets: it is stored."""
    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """How far the other side is, where it says so."""


class Job(Frozen):
    """One unit of work, from a prompt to its posts, as hooks see it. Later stages fill in more of it."""

    id: str
    run: str
    workflow: str
    brief: Brief
    spec: Spec
    provider: str
    """The name of the provider instance."""
    platform: Platform | None = None
    take: int = 1
    takes: int = 1
    row: str | None = None
    """The row's `id` or number when the job came from a batch file."""
    created_at: datetime
    prompt: Prompt | None = None
    render: RenderFacts | None = None
    pending: Pending | None = None
    """The last answer of the hook that is called, when that was `Pending`."""
    plugins: FrozenMapping[str, PluginVersion] = {}  # noqa: RUF012  (validated, so frozen)
    """The plugins that have taken part so far, and the provider, by their names in the workflow."""
    target: Target = Target()
    """The video that is being finished or posted, where a destination takes another than was rendered."""
    brand: str = ""
    """The brand that its workflow is for; empty if it is for none."""
    accounts: FrozenMapping[str, str] = {}  # noqa: RUF012  (validated, so frozen)
    """The account that each of its workflow's destinations signs in with, by the destination's name."""
    fired_at: datetime | None = None
    """The time of its schedule that it was made for, in the schedule's zone; None if no schedule made it."""
    takes_at: FrozenMapping[str, Target] = {}  # noqa: RUF012  (validated, so frozen)
    """In `check_brief`: the video that each of its destinations takes, by its name. Of what the workflow, the
    platform and the publisher say, the strictest limit counts."""
    marked_by: tuple[str, ...] = ()
    """The plugins of its workflow that put a mark over its video, as `Plugin.marks_video` says."""
    downloaded: Asset | None = None
    """The video as it was downloaded, in `post_download` and later. None if no plugin of `Phase.SIGN` was listed at
    that time."""
    edited_by: tuple[str, ...] = ()
    """The plugins with `post_download` that have changed its video, in that order."""


class JobEvent(Frozen):
    """Something that happened to a job, for `job_event` to observe."""

    job: Job
    name: str
    """Such as `submitted`, `downloaded`, `published`, `held`, `failed`, `done`: see `reelwork_hooks.events`."""
    at: datetime
    """When it was committed."""
    details: FrozenMapping[str, JsonValue] = {}  # noqa: RUF012  (validated, so frozen)
    """What the event carries, by its name: see `reelwork_hooks.events`."""
