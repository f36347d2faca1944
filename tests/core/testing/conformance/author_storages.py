"""Storages as authors write them: one that keeps its word, and some with the usual mistakes."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from uuid import uuid4

from reelwork_hooks import Asset, Clip, Config, InvalidInput, Job, NotSent, Phase, Plugin, ReelworkError, hookimpl


class ShelfConfig(Config):
    folder: str


class Shelf(Plugin):
    """Stores files in a folder: whole, checked, and under names that stay the same."""

    Config = ShelfConfig
    config: ShelfConfig
    phase = Phase.STORE

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        try:
            video, *assets = [self.stored(asset, job) for asset in (clip.video, *clip.assets)]
        except OSError as error:
            raise self.explained(error) from error
        return clip.replace(video=video, assets=tuple(assets))

    def explained(self, error: OSError) -> ReelworkError:
        return InvalidInput(f"shelf: {self.config.folder}: {error.strerror}")

    def stored(self, asset: Asset, job: Job) -> Asset:
        target = self.target(asset, job)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self.is_there(target, asset):
            self.write(asset, target)
        address = self.address(target)
        return asset.replace(stored_at=tuple(dict.fromkeys((*asset.stored_at, address))))

    def target(self, asset: Asset, job: Job) -> Path:
        return Path(self.config.folder) / f"{job.row or job.id}-{asset.sha256}{asset.path.suffix}".replace("/", "-")

    def is_there(self, target: Path, asset: Asset) -> bool:
        return target.exists() and digest_of(target) == asset.sha256

    def write(self, asset: Asset, target: Path) -> None:
        part = target.with_name(f".{uuid4().hex}.part")
        shutil.copyfile(asset.path, part)
        if digest_of(part) != asset.sha256:
            raise ReelworkError(f"shelf: {asset.path} has changed since it was made")
        os.replace(part, target)

    def address(self, target: Path) -> str:
        return target.as_uri()


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class WritesInPlace(Shelf):
    def write(self, asset: Asset, target: Path) -> None:
        shutil.copyfile(asset.path, target)
        if digest_of(target) != asset.sha256:
            target.unlink()
            raise ReelworkError(f"shelf: {asset.path} has changed since it was made")


class ChecksNothing(Shelf):
    def write(self, asset: Asset, target: Path) -> None:
        part = target.with_name(f".{uuid4().hex}.part")
        shutil.copyfile(asset.path, part)
        os.replace(part, target)


class BelievesTheName(Shelf):
    def is_there(self, target: Path, asset: Asset) -> bool:
        return target.exists()


class AnotherNameEachTime(Shelf):
    def target(self, asset: Asset, job: Job) -> Path:
        return Path(self.config.folder) / f"{uuid4().hex}{asset.path.suffix}"


class ForgetsTheOthers(Shelf):
    def stored(self, asset: Asset, job: Job) -> Asset:
        return super().stored(asset.replace(stored_at=()), job)


class DropsThePicture(Shelf):
    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        return clip.replace(video=self.stored(clip.video, job), assets=())


class ReturnsNothing(Shelf):
    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> None:  # type: ignore[override]
        self.stored(clip.video, job)


class AddressAsItIs(Shelf):
    def address(self, target: Path) -> str:
        return f"file://{target}"


class HoldsItWhole(Shelf):
    def write(self, asset: Asset, target: Path) -> None:
        data = asset.path.read_bytes()
        if hashlib.sha256(data).hexdigest() != asset.sha256:
            raise ReelworkError(f"shelf: {asset.path} has changed since it was made")
        part = target.with_name(f".{uuid4().hex}.part")
        part.write_bytes(data)
        os.replace(part, target)


class PassesOverTrouble(Shelf):
    """Reports what it could not write."""

    def stored(self, asset: Asset, job: Job) -> Asset:
        try:
            return super().stored(asset, job)
        except OSError:
            return asset.replace(stored_at=(*asset.stored_at, self.address(self.target(asset, job))))


class ShowsWhatItGot(Shelf):
    """Lets Python's own errors through."""

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        video, *assets = [self.stored(asset, job) for asset in (clip.video, *clip.assets)]
        return clip.replace(video=video, assets=tuple(assets))


class TriesForEver(Shelf):
    def explained(self, error: OSError) -> ReelworkError:
        return NotSent(f"shelf: {error.strerror}", retry_after=1)


class TellsItsToken(Shelf):
    def explained(self, error: OSError) -> ReelworkError:
        token = os.environ["SHELF_TOKEN"]
        return InvalidInput(f"shelf: {self.config.folder}?token={token}: {error.strerror}")
