"""Refusals by moderation, and the appeals of people against them.

An appeal is about one verdict: of one plugin, at its version and with its settings, about one content. An
overruling covers exactly that, so it is void once the content, the plugin or its settings have changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from reelwork.ids import fingerprint
from reelwork.planning.stored import Stored
from reelwork_hooks.models import PluginVersion, Stage, Verdict

MODEL = "model"
"""The setting of a plugin that names the model which judges."""


class Appeal(Stored):
    """An appeal: who asked for what, and who decided."""

    because: str
    by: str
    asked_at: float
    expires_at: float
    """When it ends, and the refusal stands."""
    remind_at: float | None = None
    """When its reminder is due; None when there is none, or once it was given."""
    state: Literal["waiting", "approved", "rejected", "expired"] = "waiting"
    decided_by: str = ""
    decided_at: float | None = None
    reason: str = ""
    """The reason of a rejection."""


class Refusal(Stored):
    """A verdict by which a moderation plugin rejected a content."""

    id: str
    """The fingerprint of the content, the plugin, its version, its settings and the files that they name."""
    stage: Stage
    destination: str = ""
    """Of a post: the publisher's instance."""
    content: str
    """The hash of what was judged."""
    verdict: Verdict
    version: PluginVersion
    """The plugin's package and version."""
    model: str = ""
    """The model that judged, where the plugin's settings name one."""
    appeal: Appeal | None = None

    @property
    def is_overruled(self) -> bool:
        """True if a person has overruled it."""
        return self.appeal is not None and self.appeal.state == "approved"

    @property
    def is_appealed(self) -> bool:
        """True if an appeal against it waits for a person."""
        return self.appeal is not None and self.appeal.state == "waiting"

    @property
    def subject(self) -> str:
        """The refused content, in words."""
        return subject_of(self.stage, self.destination)

    def told(self) -> dict[str, Any]:
        """Return what events say of it."""
        post = {"destination": self.destination} if self.destination else {}
        return {"stage": self.stage, **post, "plugin": self.verdict.plugin}


def subject_of(stage: str, destination: str = "") -> str:
    """Return what is moderated at a stage, in words.

    >>> subject_of("post", "bluesky")
    'the post to bluesky'
    """
    words = {Stage.BRIEF: "the brief", Stage.PROMPT: "the final prompt", Stage.CLIP: "the video"}
    return words.get(Stage(stage), f"the post to {destination}")


def refusal_id(content: str, plugin: str, version: PluginVersion, judged_by: object) -> str:
    """Return what an overruling is bound to."""
    return fingerprint([content, plugin, version.model_dump(mode="json"), judged_by])


def with_refusal(known: Sequence[Refusal], new: Refusal) -> tuple[Refusal, ...]:
    """Return the refusals with one that is the newest. An earlier appeal against the same one stays known."""
    before = refusal_named(known, new.id)
    new = new if before is None else new.replace(appeal=before.appeal)
    return (*(one for one in known if one.id != new.id), new)


def with_appeal(known: Sequence[Refusal], refusal_id: str, **changes: Any) -> tuple[Refusal, ...]:
    """Return the refusals with the appeal against one of them changed."""
    return tuple(_appealed(one, changes) if one.id == refusal_id else one for one in known)


def _appealed(refusal: Refusal, changes: dict[str, Any]) -> Refusal:
    assert refusal.appeal is not None
    return refusal.replace(appeal=refusal.appeal.replace(**changes))


def refusal_named(known: Sequence[Refusal], wanted: str) -> Refusal | None:
    """Return the refusal with an id, if there is one."""
    return next((one for one in known if one.id == wanted), None)
