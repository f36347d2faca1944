"""`c2pa`: signs the finished video, with a statement of where it comes from and what was changed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from reelwork_hooks import (
    Asset,
    Clip,
    Config,
    Job,
    Phase,
    Plugin,
    Problem,
    ReelworkError,
    Role,
    SecretNotFound,
    SecretRef,
    Unavailable,
    hookimpl,
)
from reelwork_plugins.files import made_once
from reelwork_plugins.finishing.credential import Credential, Unusable, credential
from reelwork_plugins.finishing.manifests import KINDS, Statement, check, edits_of, has_manifest, sign
from reelwork_plugins.finishing.one_pass import recipe

if find_spec("c2pa") is None:
    _missing = ModuleNotFoundError("c2pa-python is not installed")
    # The extra that installs it, for the message that shows this error.
    _missing.reelwork_extra = "provenance"  # type: ignore[attr-defined]
    raise _missing

# A file of this name is used again. So a change of the code that says something else needs another number.
_RECIPE = "1"
"""Part of the file's name."""
_HINT = (
    "Give a signing certificate with its chain as `certificate`, and its private key as `key`, in [plugin.{name}]."
)


class C2paConfig(Config):
    """Settings of `c2pa`."""

    certificate: Path
    """A file with the certificates in PEM, relative to the workflow's folder: the signer's first, then those that
    lead to its root."""
    key: SecretRef
    """The private key of the first certificate, in PEM."""
    password: SecretRef | None = None
    """The password of an encrypted key."""
    source: Literal[
        "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic"
    ] = "trainedAlgorithmicMedia"
    """How the video was made, as an IPTC digital source type. Stated if the provider's file has no manifest of
    its own."""
    ta_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """The address of a time-stamp service (RFC 3161), which gets a hash of each signature. It proves the time of
    signing. By default none is asked."""


class NotSigned(ReelworkError):
    """The video could not be signed."""

    money = "The video is kept; nothing was posted."


class C2pa(Plugin):
    """Signs the finished video with your certificate, as C2PA Content Credentials.

    The manifest says that AI made the video, and which plugins changed it. If the provider's file has a manifest,
    the new one includes it.
    """

    Config = C2paConfig
    phase = Phase.SIGN
    may_change = ()
    config: C2paConfig
    _checked: Credential | None = None

    @hookimpl
    def check_brief(self, job: Job) -> list[Problem]:
        """Return a problem when nothing could be signed with the certificate and the key."""
        try:
            self._credential()
        except Unusable as error:
            return [Problem(message=str(error), hint=_HINT.format(name=self.context.name))]
        return []

    @hookimpl
    def post_download(self, clip: Clip, job: Job) -> Clip:
        """Return the clip with its video signed. Calling it again gives the same file.

        Raises `NotSigned` when the video cannot be signed, and `Unavailable` when the time-stamp service is.
        """
        video, original = clip.video, job.downloaded or clip.video
        try:
            by = self._credential()
            parent = original if has_manifest(original) else None
        except Unusable as error:
            raise self._not_signed(video, str(error)) from error
        manifest = None if job.render is None else job.render.manifest
        if manifest is not None and manifest.state == "invalid":
            # It is not left out: who reads the new manifest sees what was wrong.
            self.context.log.warning("the provider's manifest is not valid: %s", manifest.problem)
        said = Statement(self.config.source, edits_of(job.edited_by, job.plugins), parent)

        def write(part: Path) -> None:
            self._sign(video, part, said, by)

        # Two signatures of one video differ: the first one is found again by the name of what was signed.
        facts = (video.sha256, original.sha256, said.edits, by.fingerprint, self.config.model_dump_json())
        path = made_once(self.context.work_dir, recipe(_RECIPE, *facts), video.path.suffix, write)
        return clip.with_video(Asset.from_file(path, Role.VIDEO, media_type=video.media_type))

    def _sign(self, video: Asset, part: Path, said: Statement, by: Credential) -> None:
        import c2pa

        if video.media_type not in KINDS:
            raise self._not_signed(video, f"a file of the type {video.media_type} takes no C2PA manifest")
        try:
            sign(video, part, said, by, self.config.ta_url)
        except c2pa.C2paError as error:
            why = str(error).rstrip(".")
            if self.config.ta_url is not None and "http" in why:
                raise Unavailable(f"{self.context.name}: the time-stamp service did not answer: {why}") from error
            raise self._not_signed(video, why) from error

    def _not_signed(self, video: Asset, why: str) -> NotSigned:
        hint = f"Correct [plugin.{self.context.name}], then run `reelwork resume`; the video is not paid for again."
        return NotSigned(f"{self.context.name}: {video.path} could not be signed: {why}", hint=hint)

    def _credential(self) -> Credential:
        """Return the certificate and the key, with which a signature was made once. Raises `Unusable`."""
        config, context = self.config, self.context
        path = context.base_dir / config.certificate.expanduser()
        try:
            chain = path.read_bytes()
            password = None if config.password is None else context.secret(config.password)
            key = context.secret(config.key)
        except OSError as error:
            raise Unusable(f"the certificate {path} cannot be read: {error.strerror}") from error
        except SecretNotFound as error:
            raise Unusable(f"{error.message}. {error.hint}".rstrip()) from error
        found = credential(chain, key, password, context.now())
        if found != self._checked:
            check(found)
            self._checked = found
        return found
