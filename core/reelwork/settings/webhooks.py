"""The webhooks of a server, from the nearest `reelwork.toml`: those that come in, and those that are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from reelwork.errors import WorkflowInvalid
from reelwork.settings.brands import check_named
from reelwork.settings.paths import here, nearest_settings, parse_toml, read_text
from reelwork.settings.validation import explain
from reelwork.settings.workflow import Loaded, Workflow
from reelwork_hooks.events import EVENTS, OUTSIDE
from reelwork_hooks.plugin import SecretRef

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that can stand in an address as it is."""
ALL = "*"
UNSIGNED = "unsigned"
"""The scheme of providers that sign nothing: the address itself is the secret."""


class IncomingTable(BaseModel):
    """`[webhooks_in.NAME]`: what comes in at `/webhooks/NAME`. Keys other than `scheme` are the scheme's own."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    scheme: str
    """How the provider signs: `standard`, `openrouter`, `fal`, `body-hmac`, the scheme of a plugin, a plugin's
    file, or `unsigned`."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything but `scheme`."""
        return dict(self.model_extra or {})


def _known_event(name: str) -> str:
    known = (*EVENTS, *OUTSIDE)
    if name not in (*known, ALL):
        raise ValueError(f"there is no event {name!r}; there are {', '.join(known)}, and {ALL} for all")
    return name


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        # Not shown: who knows it may be able to write there.
        raise ValueError("this is not an address; write it like https://shop.example.com/hook")
    return url


class OutgoingTable(BaseModel):
    """`[webhooks.NAME]`: what is sent when something happens to a job."""

    # What was given may be a secret written where its reference belongs.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, Field(pattern=r"^https?://[^/]"), AfterValidator(_address)]
    """The address that events are sent to."""
    secret: SecretRef
    """Signs what is sent: `whsec_` and 24 random bytes in base64."""
    events: tuple[Annotated[str, AfterValidator(_known_event)], ...] = (
        "done", "failed", "held", "rejected", "published", "post-failed", "post-held", "post-rejected",
    )  # fmt: skip
    """The events that are sent, by their names; `*` for all."""
    old_secret: SecretRef | None = None
    """While `secret` is being changed: the one before. Both sign then."""
    private: bool = False
    """Allows an address in this network, or on this machine, and `http`."""
    brand: str | None = None
    """Sends the events of this brand's jobs alone."""

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if not self.private and not self.url.startswith("https://"):
            raise ValueError("url must begin with https://, or set private = true for an address in this network")
        return self


class _Webhooks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    webhooks_in: Mapping[Name, IncomingTable] = {}
    webhooks: Mapping[Name, OutgoingTable] = {}


@dataclass(frozen=True)
class WebhookSettings:
    """The webhooks in `reelwork.toml`."""

    loaded: Loaded
    """The file they stand in: relative paths are meant from its folder, and messages name its lines."""
    incoming: Mapping[str, IncomingTable] = field(default_factory=dict)
    outgoing: Mapping[str, OutgoingTable] = field(default_factory=dict)


def webhook_settings(cwd: Path | None = None) -> WebhookSettings:
    """Read the webhooks from the nearest `reelwork.toml`. Raises `WorkflowInvalid`."""
    cwd = cwd or here()
    path = nearest_settings(cwd)
    if path is None:
        return WebhookSettings(Loaded(Workflow(), cwd, "", cwd))
    text = read_text(path)
    table = parse_toml(text, str(path))
    try:
        checked = _Webhooks.model_validate(table)
    except ValidationError as error:
        wrong: WorkflowInvalid = explain(error, _Webhooks, str(path), text=text)
        raise wrong from error
    for name, one in checked.webhooks.items():
        if one.brand is not None:
            check_named(one.brand, table, path, f"webhooks.{name}.brand")
    loaded = Loaded(Workflow(), path.parent, str(path), cwd, text)
    return WebhookSettings(loaded, dict(checked.webhooks_in), dict(checked.webhooks))
