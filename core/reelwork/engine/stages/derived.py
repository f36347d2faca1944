"""Files that plugins made from a video, such as its thumbnail, and their replacement when the video changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reelwork.planning.job_state import Derived, Done, JobData
from reelwork_hooks.models import Asset, Clip, Role
from reelwork_hooks.plugin import Phase

# A sidecar may be about how the video was made. That stays true when a later plugin changes the video.
WATCHED = (Role.THUMBNAIL, Role.CAPTIONS)
"""Roles that people see."""


class MadeTooEarly(Exception):
    """A file shows the video before a later plugin changed it, and cannot be made again."""


@dataclass(frozen=True)
class Ran:
    """A `post_download` plugin that ran: the clip before and after."""

    instance: str
    before: Clip
    after: Clip
    phase: Phase
    costs: bool

    @property
    def edits(self) -> bool:
        """Return whether it may change the picture: a signature changes the bytes alone."""
        return self.phase is Phase.EDIT

    @property
    def changed_video(self) -> bool:
        """Return whether the clip has another video now."""
        return self.after.video.sha256 != self.before.video.sha256

    @property
    def added(self) -> tuple[Asset, ...]:
        """The files it made."""
        earlier = {_identity(asset) for asset in self.before.assets}
        return tuple(asset for asset in self.after.assets if _identity(asset) not in earlier)


def advanced(data: JobData, ran: Ran, order: Sequence[str]) -> JobData:
    """Return the data after a plugin ran, with the plugins that have to run again since the video changed.

    A file that was made of an earlier form of the video leaves the clip, and its plugin runs again. Raises
    `MadeTooEarly`.
    """
    again = data.again[1:]
    if data.again and ran.changed_video:
        # Its own file would be stale again, and the plugins would run in turns without end.
        raise MadeTooEarly("left the video as it was at first, and changed it when it ran again")
    clip, derived = ran.after, data.derived
    if ran.changed_video and ran.edits:
        stale = _stale(ran, derived)
        gone = {file.path for file in stale}
        clip = clip.replace(assets=tuple(asset for asset in clip.assets if str(asset.path) not in gone))
        makers = {file.by for file in stale}
        again = tuple(name for name in order if name in makers)
    made = tuple(Derived(str(asset.path), ran.instance, ran.costs or ran.changed_video) for asset in ran.added)
    there = {str(asset.path) for asset in clip.assets} - {file.path for file in made}
    derived = (*(file for file in derived if file.path in there), *made)
    done = data.ran if data.again else (*data.ran, Done(ran.instance, ran.phase, ran.edits and ran.changed_video))
    return data.replace(clip=clip, derived=derived, again=again, ran=done)


def _stale(ran: Ran, derived: Sequence[Derived]) -> list[Derived]:
    """Files in the clip that show the video as it was. Raises `MadeTooEarly` for one that can be made only once."""
    new = {_identity(asset) for asset in ran.added}
    roles = {str(asset.path): asset.role for asset in ran.after.assets if _identity(asset) not in new}
    stale = []
    for file in derived:
        role = roles.get(file.path)
        if role is None or (file.once and role not in WATCHED):
            continue
        if file.once:
            raise MadeTooEarly(
                f"changed the video after {file.by!r} had made its {role.value}, and {file.by!r} is not run twice: "
                f"it costs money or changes the video itself. List {ran.instance!r} before it"
            )
        stale.append(file)
    return stale


def _identity(asset: Asset) -> tuple[str, str]:
    return str(asset.path), asset.sha256
