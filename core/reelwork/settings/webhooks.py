"""The webhooks of a server, from the nearest `reelwork.toml`: those that come in, and those that are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reelwork.errors import WorkflowInvalid
from reelwork.settings.paths import here, nearest_settings, parse_toml, read_text
from reelwork.settings.validation import explain
from reelwork.settings.workflow import Loaded, Workflow

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that can stand in an address as it is."""
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


class _Webhooks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    webhooks_in: Mapping[Name, IncomingTable] = {}


@dataclass(frozen=True)
class WebhookSettings:
    """What `reelwork.toml` says about webhooks."""

    loaded: Loaded
    """The file they stand in: relative paths are meant from its folder, and messages name its lines."""
    incoming: Mapping[str, IncomingTable] = field(default_factory=dict)


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
    return WebhookSettings(Loaded(Workflow(), path.parent, str(path), cwd, text), dict(checked.webhooks_in))
