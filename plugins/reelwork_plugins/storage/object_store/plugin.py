"""The plugin `storage`: from a clip to objects and their addresses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from reelwork_hooks import Asset, Clip, InvalidInput, Job, Phase, Plugin, hookimpl
from reelwork_plugins.storage.object_store.bucket import Bucket, NotStored
from reelwork_plugins.storage.object_store.config import LONGEST_LINK, StorageConfig, link_life
from reelwork_plugins.storage.object_store.connect import open_bucket
from reelwork_plugins.storage.object_store.facts import labels
from reelwork_plugins.storage.object_store.key import keys_beside, object_key
from reelwork_plugins.storage.object_store.uploads import Manner, check_free, claim, percent, store


class Storage(Plugin):
    """Puts the clip's files into object storage: S3 and compatible, Google Cloud, Azure Blob, or a folder.

    ::

        2026-11-20/1j9qk2m4xw3vbt7c/tiktok.mp4                 the video
        2026-11-20/1j9qk2m4xw3vbt7c/tiktok.jpg, tiktok.json    its thumbnail, the sidecar of `local`
        2026-11-20/1j9qk2m4xw3vbt7c/tiktok.mp4.reelwork.json   the record: whose key it is, and its SHA-256

    Storing again finds what is there and uploads nothing. An object with other content is never overwritten
    unless `overwrite` says so. A connection that is cut leaves no half object.
    """

    Config = StorageConfig
    config: StorageConfig
    phase = Phase.STORE

    @hookimpl
    async def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with the addresses of its objects, and a presigned link, in `stored_at`.

        Raises `InvalidInput` when a setting or secret is missing, `Taken` when a key holds other content, and
        `NotStored` when the store refused or did not answer.
        """
        given_up = threading.Event()
        try:
            return await asyncio.to_thread(self._store, clip, job, given_up)
        except asyncio.CancelledError:
            # A thread cannot be stopped from outside. It reads this before its next part, and leaves no half
            # object.
            given_up.set()
            raise

    @property
    def no_public_address(self) -> str | None:
        """The reason why it can sign no link; None if it can."""
        return self.config.unsigned or None

    async def public_url(self, asset: Asset, seconds: float) -> str:
        """Return a presigned address of a file that this plugin has stored.

        Raises `InvalidInput` when it has not, or cannot sign one, `NotStored` when the store does not answer.
        """
        life = timedelta(seconds=seconds)
        if (problem := self.config.unsigned) or life > LONGEST_LINK:
            raise InvalidInput(f"{self.context.name}: {problem or 'a link works for 7d at most'}")
        return await asyncio.to_thread(self._link, asset, life)

    def _link(self, asset: Asset, life: timedelta) -> str:
        bucket = open_bucket(self.config, self.context.secret)
        below = bucket.address("")
        key = next((at.removeprefix(below) for at in asset.stored_at if at.startswith(below)), None)
        if key is None:
            raise InvalidInput(f"{self.context.name}: {asset.path.name} is not stored in {below}")
        found = bucket.head(key)
        # Whoever fetches it would get another video, or none.
        if found is None or found.bytes != asset.bytes or found.sha256 not in (None, asset.sha256):
            raise NotStored(
                f"{self.context.name}: {bucket.address(key)} is no longer what was stored there",
                hint="Retry the job from its download.",
            )
        return bucket.link(key, life)

    def _store(self, clip: Clip, job: Job, given_up: threading.Event) -> Clip:
        key = self._key(job, clip.video)
        bucket = open_bucket(self.config, self.context.secret)
        store_one = partial(self._upload, bucket, job, given_up)
        video = self._video(bucket, key, clip.video, job, store_one)
        others = []
        for asset, name in keys_beside(key, job, clip.assets):
            store_one(name, asset)
            others.append(_stored(asset, bucket.address(name)))
        return clip.replace(video=video, assets=tuple(others))

    def _key(self, job: Job, video: Asset) -> str:
        try:
            return object_key(self.config.key, job, video)
        except ValueError as error:
            hint = "Shorten `key`, then resume the job."
            raise InvalidInput(f"storage: {error}", money=NotStored.money, hint=hint) from error

    def _video(
        self, bucket: Bucket, key: str, video: Asset, job: Job, store_one: Callable[[str, Asset], None]
    ) -> Asset:
        if check_free(bucket, key, video, self._manner):
            # First the claim, then the upload: of two jobs that want one key, only one uploads.
            claim(bucket, key, job, video, self._manner)
            store_one(key, video)
        else:
            self.context.log.info("already stored: %s", bucket.address(key))
        addresses = [bucket.address(key)]
        if self.config.presign is not None:
            addresses.append(bucket.link(key, link_life(self.config.presign)))
        return _stored(video, *addresses)

    def _upload(self, bucket: Bucket, job: Job, given_up: threading.Event, key: str, asset: Asset) -> None:
        address = bucket.address(key)

        def report(share: float) -> None:
            if given_up.is_set():
                # obstore aborts the upload when this comes out of its source of parts.
                raise NotStored(f"storage: {address}: the upload was given up, and no half object was left")
            self.context.progress(job, share, f"to {address}")

        facts = labels(job, asset) if self.config.metadata else {}
        if store(bucket, key, asset, facts, self._manner, percent(asset.bytes, report)):
            self.context.log.info("stored %s", address)

    @property
    def _manner(self) -> Manner:
        return Manner(self.config.verify, self.config.overwrite)


def _stored(asset: Asset, *addresses: str) -> Asset:
    return asset.replace(stored_at=tuple(dict.fromkeys((*asset.stored_at, *addresses))))
