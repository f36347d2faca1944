"""`local`: stores every video on this machine, under its hash and under a name a person can read."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from reelwork_hooks import (
    Asset,
    Brief,
    Clip,
    Config,
    InvalidInput,
    Job,
    Phase,
    Plugin,
    ReelworkError,
    Reference,
    Role,
    hookimpl,
)
from reelwork_plugins.files import copy_verified, link_or_copy, why, write_whole

# File systems allow 255 bytes for a name, which the date, the platform and the job share with it.
LONGEST_SLUG = 40
LONGEST_SLUG_BYTES = 120


class LocalConfig(Config):
    """Settings of `local`."""

    folder: Path | None = None
    """The videos' folder, relative to the workflow's folder; `videos` in the output folder by default."""


class NotStored(ReelworkError):
    """A video could not be stored."""

    money = "The video is paid for and its download is kept; nothing was posted."


class Local(Plugin):
    """Stores the clip's files by their hash, a JSON sidecar for each job, and a readable name beside them.

    ::

        videos/3f/3f9a….mp4                  the video; the same bytes are stored once
        videos/3f/3f9a….<job>.json           where it came from: prompt with its edits, plugins, cost, facts
        videos/by-name/2026-11-20_tiktok_a-cat-playing_1c9e02ab.mp4

    Storing again changes nothing. Whatever goes wrong, no file is left half written.
    """

    Config = LocalConfig
    config: LocalConfig
    phase = Phase.STORE

    @property
    def folder(self) -> Path:
        """The folder where videos are stored."""
        if self.config.folder is None:
            return self.context.output_dir / "videos"
        return self.context.base_dir / self.config.folder.expanduser()

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with `stored_at` filled in, the readable name last, and a sidecar added.

        Raises `InvalidInput` when the folder is a file, `NotStored` when it cannot be written.
        """
        folder = self.folder.absolute()
        with _explained_errors(folder):
            video = _stored(clip.video, folder)
            sidecar = _write_sidecar(clip.video, job, folder)
            others = [_stored(asset, folder) for asset in clip.assets if asset.path != sidecar.path]
            # The readable name last: a video that has one is stored whole, with its sidecar.
            name = folder / "by-name" / friendly_name(job, clip.video)
            link_or_copy(_home(clip.video, folder), name, clip.video.sha256)
        self.context.log.info("stored %s", name)
        video = video.replace(stored_at=tuple(dict.fromkeys((*video.stored_at, name.as_uri()))))
        return clip.replace(video=video, assets=(*others, sidecar))


@contextmanager
def _explained_errors(folder: Path) -> Iterator[None]:
    try:
        if folder.is_file():
            raise InvalidInput(
                f"local: {folder} is a file, but videos belong in a folder of that name.",
                money=NotStored.money,
                hint="Move the file away or set another `folder`, then resume the job.",
            )
        yield
    except OSError as error:
        raise NotStored(
            f"local: the video could not be stored in {folder}: {why(error)}.",
            hint="Fix that or choose another `folder`, then resume the job: it continues from here.",
        ) from error


def _home(asset: Asset, folder: Path) -> Path:
    return folder / asset.sha256[:2] / f"{asset.sha256}{_ending(asset)}"


def _ending(asset: Asset) -> str:
    ending = asset.path.suffix.lower()
    return ending if re.fullmatch(r"\.[a-z0-9]{1,5}", ending) else ".bin"


def _stored(asset: Asset, folder: Path) -> Asset:
    home = _home(asset, folder)
    copy_verified(asset.path, home, asset.sha256)
    return asset.replace(stored_at=tuple(dict.fromkeys((*asset.stored_at, home.as_uri()))))


def _write_sidecar(video: Asset, job: Job, folder: Path) -> Asset:
    # Two targets of a job may get the same bytes, each with a sidecar of its own.
    parts = (video.sha256, _safe(job.id), *((_safe(job.target.label),) if job.target.label else ()))
    path = folder / video.sha256[:2] / f"{'.'.join(parts)}.json"
    text = json.dumps(provenance(job, video), indent=2, ensure_ascii=False) + "\n"
    # Prompts and prices are nobody else's business, also where the videos are shared.
    write_whole(path, text.encode(), mode=0o600)
    return Asset.from_file(path, Role.SIDECAR, stored_at=(path.as_uri(),))


def provenance(job: Job, video: Asset) -> dict[str, Any]:
    """Return a video's provenance as JSON. The same job gives the same answer; it contains no secret."""
    render = job.render
    return {
        "job": job.id,
        "run": job.run,
        "workflow": job.workflow,
        "created": job.created_at.isoformat(),
        "platform": job.platform.name if job.platform else None,
        "take": job.take,
        "takes": job.takes,
        "row": job.row,
        "provider": job.provider,
        "plugins": {name: plugin.model_dump() for name, plugin in job.plugins.items()},
        "remote_id": render.remote_id if render else None,
        "cost_usd": str(render.cost) if render and render.cost is not None else None,
        "manifest": render.manifest.model_dump() if render and render.manifest is not None else None,
        "brief": _public_brief(job.brief),
        "prompt": job.prompt.model_dump(mode="json") if job.prompt else None,
        "spec": job.spec.model_dump(mode="json"),
        "target": job.target.model_dump(mode="json") if job.target.label else None,
        "video": video.model_dump(mode="json", exclude={"path", "role", "stored_at"}),
        "ai_generated": True,
    }


def _public_brief(brief: Brief) -> dict[str, Any]:
    # A webhook's address, and the part after `?` of a reference's, often carry a token.
    plain = brief.model_dump(mode="json", exclude={"webhook"})
    plain["references"] = [_public_reference(reference) for reference in brief.references]
    return plain


def _public_reference(reference: Reference) -> str | dict[str, Any]:
    source = _without_query(reference.source)
    plain = {**reference.model_dump(mode="json"), "source": source}
    return source if len(plain) == 1 else plain


def _without_query(source: str) -> str:
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def friendly_name(job: Job, video: Asset) -> str:
    """Return a file name with date, platform and first words: `2026-11-20_tiktok_a-cat_1c9e02ab.mp4`.

    A video that was finished for a target has that in its name too: `…_1c9e02ab_9x16.mp4`.
    """
    # The end of the job's id is chance. Its beginning is the time, which the jobs of a batch share.
    platform = (job.platform.name,) if job.platform else ()
    parts = (f"{job.created_at:%Y-%m-%d}", *platform, slug(job.brief.prompt), _safe(job.id)[-8:])
    return "_".join((*parts, *((_safe(job.target.label),) if job.target.label else ()))) + _ending(video)


def slug(text: str) -> str:
    """Return the text's letters and digits in any script, joined by hyphens, short enough for a file name."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = filter(_nameable, re.findall(r"[^\W_]+", plain))
    kept = ""
    for word in words:
        longer = f"{kept}-{word}" if kept else word[:LONGEST_SLUG]
        if len(longer) > LONGEST_SLUG or len(longer.encode()) > LONGEST_SLUG_BYTES:
            break
        kept = longer
    return kept or "video"


def _nameable(word: str) -> bool:
    """Return whether the file system's encoding has the word."""
    # In some locales it is ASCII alone.
    try:
        os.fsencode(word)
    except UnicodeError:
        return False
    return True


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", text)
