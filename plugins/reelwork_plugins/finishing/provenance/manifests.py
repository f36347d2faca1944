"""C2PA manifests: what they say about a video, and their signature."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwork_plugins.finishing.provenance.certificate import Certificate, Unusable
from reelwork_plugins.finishing.provenance.signatures import zeros
from reelwork_plugins.finishing.provenance.signers import Signs

if TYPE_CHECKING:
    from reelwork_hooks import Asset, PluginVersion

KINDS = frozenset({"video/mp4", "video/quicktime", "video/x-m4v"})
"""The media types that take a manifest."""
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True)
class Agent:
    """A plugin that changed the video."""

    name: str
    version: str

    @classmethod
    def of(cls, instance: str, taken_part: PluginVersion | None) -> Agent:
        """Return the plugin of an instance, as it was when it ran."""
        if taken_part is None:
            return cls(instance, "")
        return cls(f"{taken_part.package} {instance}", taken_part.version)


@dataclass(frozen=True)
class Statement:
    """The statements of a manifest about a video."""

    source: str
    """How the video was made, if its file does not say so itself: the last part of a digital source type."""
    edits: tuple[Agent, ...]
    parent: Asset | None
    """The video as it was downloaded, with its manifest; None if it had none."""


def has_manifest(video: Asset) -> bool:
    """Return whether a video holds a manifest, not only the address of one.

    Raises `Unusable` when that cannot be found out.
    """
    import c2pa

    if video.media_type not in KINDS:
        return False
    try:
        with video.path.open("rb") as file:
            reader = c2pa.Reader.try_create(video.media_type, file, context=_context())
            if reader is not None:
                reader.close()
    except c2pa.C2paError as error:
        # The library's word for one that it would have to fetch.
        if str(error).startswith("Remote:"):
            return False
        raise Unusable(f"{video.path} cannot be checked for a manifest: {error}") from error
    except OSError as error:
        raise Unusable(f"{video.path} cannot be read: {error.strerror}") from error
    return reader is not None


def sign(video: Asset, part: Path, said: Statement, by: Signs, ta_url: str | None) -> None:
    """Write the video with its manifest to `part`.

    Raises `OSError`, the library's `C2paError`, and what a key service's refusal raises.
    """
    import c2pa

    with by.signer(ta_url) as signer, c2pa.Builder(_definition(said), context=_context()) as builder:
        if said.parent is not None:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            _add_parent(builder, said.parent)
        with video.path.open("rb") as source, part.open("w+b") as target:
            builder.sign(signer, video.media_type, source, target)


def check(by: Certificate) -> None:
    """Let the library find what it does not take in a certificate, without the key. Raises `Unusable`."""
    import c2pa

    algorithm = c2pa.C2paSigningAlg[by.algorithm.upper()]
    said = _definition(Statement("digitalCreation", (), None))
    try:
        with (
            c2pa.Signer.from_callback(lambda _: zeros(by), algorithm, by.pem, None) as signer,
            c2pa.Builder(said, context=_context(verify_after_sign=False)) as builder,
        ):
            builder.sign(signer, "image/png", _picture(), io.BytesIO())
    except c2pa.C2paError as error:
        # The first word is the library's own name for the kind of error.
        why = str(error).removeprefix("Signature: ").rstrip(".")
        raise Unusable(f"C2PA does not take the certificate: {why}") from error


def _add_parent(builder: Any, video: Asset) -> None:
    # Not by the file's own name: it may say something about its maker.
    title = f"download{video.path.suffix}"
    with video.path.open("rb") as file:
        builder.add_ingredient({"relationship": "parentOf", "title": title}, video.media_type, file)


def _definition(said: Statement) -> dict[str, object]:
    actions = list(_actions(said))
    return {
        "claim_generator_info": [{"name": "Reelwork", "version": _version()}],
        # An empty list of actions is not taken; `c2pa.opened` is added for a parent.
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}] if actions else [],
    }


def _actions(said: Statement) -> Iterator[dict[str, object]]:
    if said.parent is None:
        yield {"action": "c2pa.created", "digitalSourceType": f"{SOURCE_TYPES}{said.source}"}
    for agent in said.edits:
        version = {"version": agent.version} if agent.version else {}
        yield {"action": "c2pa.edited", "softwareAgent": {"name": agent.name, **version}}


def _context(*, verify_after_sign: bool = True) -> Any:
    import c2pa

    # A provider's file may name any address for its manifest: nothing is fetched from there.
    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": verify_after_sign}
    # By default the library holds a file of up to 512 MB twice.
    core = {"backing_store_memory_threshold_in_mb": 16}
    return c2pa.Context.from_dict({"verify": verify, "core": core, "builder": {"thumbnail": {"enabled": False}}})


def _picture() -> io.BytesIO:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    file.seek(0)
    return file


def _version() -> str:
    from importlib.metadata import version

    return version("reelwork")


def edits_of(instances: Sequence[str], taken_part: Mapping[str, PluginVersion]) -> tuple[Agent, ...]:
    """Return the plugins that changed a video, in that order."""
    return tuple(Agent.of(name, taken_part.get(name)) for name in instances)
