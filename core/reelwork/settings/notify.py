"""Where a server tells people what needs them: `[notify]` in the nearest `reelwork.toml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reelwork.errors import WorkflowInvalid
from reelwork.settings.paths import here, nearest_settings, parse_toml, read_text
from reelwork.settings.validation import explain
from reelwork.settings.workflow import Loaded, Workflow
from reelwork_hooks.plugin import SecretRef


class NotifyTable(BaseModel):
    """`[notify]`: where notices go."""

    # What was given may be a secret written where its reference belongs.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    to: Annotated[tuple[SecretRef, ...], Field(min_length=1)]
    """Secrets, each an address of Apprise, such as `mailto://…` or `slack://…`. Each gets every notice."""
    private: bool = False
    """Allows addresses in this network, or on this machine."""


class _Notify(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    notify: NotifyTable | None = None


@dataclass(frozen=True)
class NotifySettings:
    """The notices in `reelwork.toml`."""

    loaded: Loaded
    """The file they stand in: relative paths are meant from its folder."""
    table: NotifyTable


def notify_settings(cwd: Path | None = None) -> NotifySettings | None:
    """Read where notices go; None where none are sent. Raises `WorkflowInvalid`."""
    cwd = cwd or here()
    path = nearest_settings(cwd)
    if path is None:
        return None
    text = read_text(path)
    try:
        checked = _Notify.model_validate(parse_toml(text, str(path)))
    except ValidationError as error:
        wrong: WorkflowInvalid = explain(error, _Notify, str(path), text=text)
        raise wrong from error
    if checked.notify is None:
        return None
    return NotifySettings(Loaded(Workflow(), path.parent, str(path), cwd, text), checked.notify)
