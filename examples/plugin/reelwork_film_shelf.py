"""`film-shelf`: stores finished files at a web server that speaks WebDAV."""

import hashlib
from pathlib import Path
from uuid import uuid4

from reelwork_hooks import (
    Asset,
    Clip,
    Config,
    HttpClient,
    InvalidInput,
    Job,
    Phase,
    Plugin,
    ReelworkError,
    SecretRef,
    hookimpl,
)

KEPT = "The video is paid for and its download is kept."


class FilmShelfConfig(Config):
    """Settings of `film-shelf`."""

    base_url: str
    """The folder's address, such as `https://dav.example/films`."""
    token: SecretRef
    """Reference to the token that may write there."""


class FilmShelf(Plugin):
    """Uploads every finished file under a passing name, reads it back, and gives it its own name then."""

    Config = FilmShelfConfig
    config: FilmShelfConfig
    # After the plugins that edit and sign: what is stored is not changed any more.
    phase = Phase.STORE

    @hookimpl
    async def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with the addresses of its files. Storing again finds them there."""
        video, *others = [await self.stored(asset, job) for asset in (clip.video, *clip.assets)]
        return clip.replace(video=video, assets=tuple(others))

    async def stored(self, asset: Asset, job: Job) -> Asset:
        """Return the file with its address, uploaded unless it is there."""
        # Made of what stays the same: a job that is resumed after a crash finds its files again.
        address = f"{self.config.base_url}/{job.id}-{asset.sha256}{asset.path.suffix}"
        if await self.digest(address) != asset.sha256:
            # Chance, since another process may be storing the same file.
            part = f"{address}.{uuid4().hex}.part"
            await self.write("PUT", part, content=asset.path)
            await self.check(part, asset)
            # Whole or not at all: nobody who reads the address sees half of a file.
            await self.write("MOVE", part, headers={"Destination": address, "Overwrite": "T"})
            await self.check(address, asset)
        return asset if address in asset.stored_at else asset.replace(stored_at=(*asset.stored_at, address))

    async def check(self, address: str, asset: Asset) -> None:
        """Raise `ReelworkError` unless the file is there as it was made."""
        # A status of 200 may come from anything on the way. Only the bytes prove it.
        if await self.digest(address) != asset.sha256:
            problem = f"film-shelf: {address} does not hold what {asset.path.name} held when it was made"
            raise ReelworkError(problem, money=KEPT, hint="Resume the job: it is uploaded again.")

    async def digest(self, address: str) -> str:
        """Return the SHA-256 of what is at an address; empty when nothing is there."""
        digest = hashlib.sha256()
        async with self.http.stream("GET", address, headers=self.signed()) as answer:
            if answer.status_code == 404:
                return ""
            self.check_status(answer.status_code, address)
            async for piece in answer.chunks:
                digest.update(piece)
        return digest.hexdigest()

    async def write(
        self, method: str, address: str, *, content: Path | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """Send a request that writes, once. A file is sent piece by piece, never read into memory."""
        given = {**self.signed(), **(headers or {})}
        answer = await self.http.request(method, address, content=content, headers=given)
        self.check_status(answer.status_code, address)

    def check_status(self, status: int, address: str) -> None:
        """Raise `InvalidInput` for what only a person can change, `ReelworkError` for any other failure."""
        if status in (401, 403):
            problem = f"film-shelf: the server does not let this token write at {address} ({status})"
            raise InvalidInput(problem, money=KEPT, hint="Correct `token`, then resume the job.")
        if not 200 <= status < 300:
            problem = f"film-shelf: the server answered {status} for {address}"
            raise ReelworkError(problem, money=KEPT, hint="Resume the job when the server is well again.")

    @property
    def http(self) -> HttpClient:
        """The engine's client. The address comes from the workflow, so it may be one on this machine."""
        return self.context.http(trust=[self.config.base_url])

    def signed(self) -> dict[str, str]:
        """Return the header that signs in."""
        return {"Authorization": f"Bearer {self.context.secret(self.config.token)}"}
