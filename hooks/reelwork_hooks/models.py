"""The frozen values that travel through the hooks, from a `Brief` to `Receipt`s.

Every model is immutable. `value.replace(field=…)` gives a changed, re-checked copy.
"""

from __future__ import annotations

from reelwork_hooks.briefs import (
    AspectRatio,
    Brief,
    Disclosure,
    Edit,
    Hashtags,
    Platform,
    PostCopy,
    Privacy,
    Problem,
    Prompt,
    Quality,
    Reference,
    ReferenceRole,
    Resolution,
    Spec,
)
from reelwork_hooks.clips import Asset, Clip, Role
from reelwork_hooks.frozen import Frozen
from reelwork_hooks.jobs import Job, JobEvent, Pending, PluginVersion, ProviderManifest, RenderFacts
from reelwork_hooks.moderation import Content, Stage, Verdict
from reelwork_hooks.posts import Post, PostOutcome, Receipt, Shown
from reelwork_hooks.targets import Target

__all__ = [
    "AspectRatio",
    "Asset",
    "Brief",
    "Clip",
    "Content",
    "Disclosure",
    "Edit",
    "Frozen",
    "Hashtags",
    "Job",
    "JobEvent",
    "Pending",
    "Platform",
    "PluginVersion",
    "Post",
    "PostCopy",
    "PostOutcome",
    "Privacy",
    "Problem",
    "Prompt",
    "ProviderManifest",
    "Quality",
    "Receipt",
    "Reference",
    "ReferenceRole",
    "RenderFacts",
    "Resolution",
    "Role",
    "Shown",
    "Spec",
    "Stage",
    "Target",
    "Verdict",
]
