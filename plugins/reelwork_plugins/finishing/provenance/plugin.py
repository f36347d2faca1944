"""The plugin `c2pa`: from a clip to its signed video."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from reelwork_hooks import (
    Asset,
    Brief,
    Clip,
    Job,
    Phase,
    Plugin,
    Problem,
    ReelworkError,
    Role,
    SecretNotFound,
    Unavailable,
    hookimpl,
)
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.one_pass import recipe
from reelwork_plugins.finishing.provenance.aside import aside
from reelwork_plugins.finishing.provenance.certificate import Certificate, Unusable, certificate, certificates
from reelwork_plugins.finishing.provenance.config import C2paConfig
from reelwork_plugins.finishing.provenance.key_service import STANDS, KeyService
from reelwork_plugins.finishing.provenance.key_services import key_service
from reelwork_plugins.finishing.provenance.manifests import KINDS, Statement, check, edits_of, has_manifest, sign
from reelwork_plugins.finishing.provenance.outlook import ends_before, ends_soon, last_post, not_trusted
from reelwork_plugins.finishing.provenance.signatures import as_cose
from reelwork_plugins.finishing.provenance.signers import KeyAway, Signs, local_key

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Issued

# A file of this name is used again. So a change of the code that says something else needs another number.
_RECIPE = "1"
"""Part of the file's name."""
_SHAPING = {"certificate", "key", "password", "source", "ta_url"}
"""The settings that are part of the file's name, too."""
_HINT = (
    "Give a signing certificate with its chain as `certificate`, and its private key as `key` or the service that "
    "has it as `key_service`, in [plugin.{name}]."
)

_AWAY = "Check the address and your network. Until it answers, no video is signed or posted."
_TEST = b"A test of the signing key by `reelwork doctor`"
"""Bytes that are no claim: nobody can take their signature for one of a video."""


class NotSigned(ReelworkError):
    """The video could not be signed."""

    money = STANDS


Asking = Callable[[KeyService, bytes, str], bytes]
"""Asks a service for the signature of bytes with an algorithm."""


def _nobody(service: KeyService, data: bytes, algorithm: str) -> bytes:
    raise Unusable(f"{service.name} is not asked before a video is signed")


class C2pa(Plugin):
    """Signs the finished video with your certificate, as C2PA Content Credentials.

    The manifest says that AI made the video, and which plugins changed it. If the provider's file has a manifest,
    the new one includes it.
    """

    Config = C2paConfig
    phase = Phase.SIGN
    may_change = ()
    config: C2paConfig
    _checked: Certificate | None = None

    @hookimpl
    def check_brief(self, brief: Brief) -> list[Problem]:
        """Return a problem when nothing could be signed, and warnings about what viewers will say of it."""
        try:
            by, trusted = self._known()
        except Unusable as error:
            return [self._problem(error)]
        ends = ends_before(by, last_post(brief, self.context.now()), stamped=self.config.ta_url is not None)
        return [*ends, *not_trusted(by, trusted)]

    async def doctor_problems(self, offline: bool) -> list[Problem]:
        """Return what keeps videos from being signed, or soon will. A key service signs a few bytes, as a test."""
        try:
            by, trusted = await aside(self._known)
            if not offline:
                await self._try_service(by)
        except Unusable as error:
            return [self._problem(error)]
        except Unavailable as error:
            return [Problem(message=error.message.removeprefix(f"{self.context.name}: "), hint=_AWAY)]
        return [*ends_soon(by, self.context.now()), *not_trusted(by, trusted)]

    def _known(self) -> tuple[Certificate, tuple[Issued, ...] | None]:
        """Return the certificate, and those that are trusted. Raises `Unusable`."""
        return self._signs(_nobody).certificate, self._trusted()

    async def _try_service(self, by: Certificate) -> None:
        """Let a key service sign. Raises `Unusable` and `Unavailable`."""
        place = self.config.key_address
        if place is not None:
            service = key_service(place, self.context, self.config.key_service_token)
            as_cose(await service.sign(_TEST, by.algorithm), _TEST, by)

    def _problem(self, error: Unusable) -> Problem:
        return Problem(message=str(error), hint=_HINT.format(name=self.context.name))

    @hookimpl
    async def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with its video signed. Calling it again gives the same file.

        Raises `NotSigned` when the video cannot be signed, and `Unavailable` when the key service or the time-stamp
        service is.
        """
        loop = asyncio.get_running_loop()

        def ask(service: KeyService, data: bytes, algorithm: str) -> bytes:
            return asyncio.run_coroutine_threadsafe(service.sign(data, algorithm), loop).result()

        return await aside(lambda: self._signed(clip, job, ask))

    def _signed(self, clip: Clip, job: Job, ask: Asking) -> Clip:
        video, original = clip.video, job.downloaded or clip.video
        try:
            by = self._signs(ask)
            parent = original if has_manifest(original) else None
        except Unusable as error:
            raise self._not_signed(video, str(error)) from error
        manifest = None if job.render is None else job.render.manifest
        if manifest is not None and manifest.state == "invalid":
            # It is not left out: who reads the new manifest sees what was wrong.
            self.context.log.warning("the provider's manifest is not valid: %s", manifest.problem)
        if manifest is not None and parent is None:
            self.context.log.warning("the provider's manifest is not included: %s", manifest.problem)
        said = Statement(self.config.source, edits_of(job.edited_by, job.plugins), parent)

        def write(part: Path) -> None:
            self._sign(video, part, said, by)

        # Two signatures of one video differ: the first one is found again by the name of what was signed.
        signer, settings = by.certificate.fingerprint, self.config.model_dump_json(include=_SHAPING)
        facts = (video.sha256, original.sha256, said.edits, signer, settings)
        path = made_once(self.context.work_dir, recipe(_RECIPE, *facts), video.path.suffix, write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO, media_type=video.media_type))

    def _sign(self, video: Asset, part: Path, said: Statement, by: Signs) -> None:
        import c2pa

        if video.media_type not in KINDS:
            raise self._not_signed(video, f"a file of the type {video.media_type} takes no C2PA manifest")
        try:
            sign(video, part, said, by, self.config.ta_url)
        except Unusable as error:
            raise self._not_signed(video, str(error)) from error
        except c2pa.C2paError as error:
            why = str(error).rstrip(".")
            if self.config.ta_url is not None and "http" in why:
                raise Unavailable(f"{self.context.name}: the time-stamp service did not answer: {why}") from error
            raise self._not_signed(video, why) from error

    def _not_signed(self, video: Asset, why: str) -> NotSigned:
        hint = f"Correct [plugin.{self.context.name}], then run `reelwork resume`; the video is not paid for again."
        return NotSigned(f"{self.context.name}: {video.path} could not be signed: {why}", hint=hint)

    def _signs(self, ask: Asking) -> Signs:
        """Return what signs, with a certificate that the library takes. Raises `Unusable`."""
        config, by = self.config, self._certificate()
        place = config.key_address
        if place is None:
            assert config.key is not None
            password = None if config.password is None else self._secret(config.password)
            found: Signs = local_key(by, self._secret(config.key), password)
        else:
            service = key_service(place, self.context, config.key_service_token)
            service.check(by.algorithm)
            found = KeyAway(by, lambda data: ask(service, data, by.algorithm))
        if by != self._checked:
            check(by)
            self._checked = by
        return found

    def _certificate(self) -> Certificate:
        return certificate(self._read(self.config.certificate, "the certificate"), self.context.now())

    def _trusted(self) -> tuple[Issued, ...] | None:
        """Return the certificates that are trusted; None if the settings name none. Raises `Unusable`."""
        path = self.config.trust_list
        return None if path is None else certificates(self._read(path, "trust_list"), "trust_list")

    def _read(self, path: Path, what: str) -> bytes:
        whole = self.context.base_dir / path.expanduser()
        try:
            return whole.read_bytes()
        except OSError as error:
            raise Unusable(f"{what} {whole} cannot be read: {error.strerror}") from error

    def _secret(self, reference: str) -> str:
        try:
            return self.context.secret(reference)
        except SecretNotFound as error:
            raise Unusable(f"{error.message}. {error.hint}".rstrip()) from error
