"""Reads a file's C2PA manifest: who signed it, whether it is whole, and where it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from reelwork.net.addresses import place
from reelwork.text import LONGEST_WORD, shown
from reelwork_hooks.errors import InvalidInput, ReelworkError

Trust = Literal["trusted", "untrusted", "unknown"]

WITH_EXTRA = 'Install it: pip install "reelwork[provenance]"'
AI_SOURCES = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic"})
"""The digital source types that say that AI made a video, or parts of it."""
_UNTRUSTED = "signingCredential.untrusted"
_CHANGED = frozenset({"assertion.bmffHash.mismatch", "assertion.dataHash.mismatch", "assertion.boxesHash.mismatch"})
# The library's words for a file that only names an address.
_REMOTE = re.compile(r"Remote: .* from url (\S+)$")
# A manifest names others, and a file from elsewhere may name itself.
_DEEPEST = 8
"""Manifests within one another that are read."""


class Unreadable(ReelworkError):
    """The file holds a manifest that cannot be read."""


class Elsewhere(Unreadable):
    """The file has no manifest in it, and names an address for it."""

    def __init__(self, path: Path, address: str) -> None:
        super().__init__(f"{path}: its manifest is not in the file, which names {place(address)} for it.")
        self.address = address


@dataclass(frozen=True)
class Action:
    """Something that was done to a video, as its signer says."""

    name: str
    """Such as `c2pa.created` or `c2pa.edited`."""
    by: str = ""
    """The program that did it."""
    source: str = ""
    """The digital source type, such as `trainedAlgorithmicMedia`."""


@dataclass(frozen=True)
class Ingredient:
    """A file that a video was made from."""

    title: str
    relationship: str
    """`parentOf` for the video before it was edited, else such as `componentOf`."""
    problems: tuple[str, ...]
    """What was wrong with it when it was used."""
    manifest: Manifest | None
    """None: it had none."""


@dataclass(frozen=True)
class Manifest:
    """The statements of one signer about a file."""

    signer: str
    organisation: str
    algorithm: str
    signed_at: str
    """The time that a time-stamp service gave; empty if none did."""
    generator: str
    """The program that wrote it."""
    actions: tuple[Action, ...]
    ingredients: tuple[Ingredient, ...]

    def sources(self) -> Iterator[str]:
        """Yield the digital source types in it and in what it was made from."""
        yield from (action.source for action in self.actions if action.source)
        for one in self.ingredients:
            if one.manifest is not None:
                yield from one.manifest.sources()


@dataclass(frozen=True)
class Provenance:
    """A file's manifest, and what the check of it found."""

    manifest: Manifest
    problems: tuple[str, ...]
    """The reasons why the file or its manifest is not as it was signed."""
    trust: Trust
    """`unknown`: the signer was compared with no list."""

    @property
    def valid(self) -> bool:
        """Return whether file and manifest are as they were signed."""
        return not self.problems

    @property
    def ai(self) -> str:
        """The digital source type that says that AI took part; empty if none does."""
        return next((source for source in self.manifest.sources() if source in AI_SOURCES), "")


def library() -> ModuleType:
    """Return the package `c2pa`. Raises `InvalidInput` when it is not installed."""
    try:
        import c2pa
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "Reading C2PA manifests needs the package c2pa-python, which is not installed.", hint=WITH_EXTRA
        ) from error
    module: ModuleType = c2pa
    return module


def read_provenance(path: Path, anchors: str | None = None, manifest: bytes | None = None) -> Provenance | None:
    """Return what a file's manifest says; None if the file has none. Uses no network.

    `anchors` holds certificates in PEM: the signer is trusted if it leads to one of them. `manifest` is that of the
    file if it is not in it.

    Raises `Elsewhere` if the file only names an address, `Unreadable` for a damaged manifest, `InvalidInput` for a
    file that can hold none or cannot be opened.
    """
    c2pa = library()
    try:
        reader = _reader(c2pa, path, _settings(anchors), manifest)
        if reader is None:
            return None
        with reader:
            return _provenance(json.loads(reader.json()), compared=anchors is not None)
    # Whoever made the file chose the kinds of its values, too.
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise Unreadable(f"{path}: its manifest is not as C2PA has it.") from error
    except c2pa.C2paError.NotSupported as error:
        raise InvalidInput(f"{path}: no C2PA manifest can be read from this kind of file.") from error
    except (c2pa.C2paError.FileNotFound, c2pa.C2paError.Io, OSError) as error:
        raise InvalidInput(f"{path} cannot be read: {_reason(error)}") from error
    except c2pa.C2paError as error:
        if named := _REMOTE.match(str(error)):
            raise Elsewhere(path, named[1]) from error
        raise Unreadable(f"{path} cannot be checked for a manifest: {_reason(error)}") from error


def _reader(c2pa: ModuleType, path: Path, settings: Mapping[str, object], manifest: bytes | None) -> Any:
    context = c2pa.Context.from_dict(settings)
    if manifest is None:
        return c2pa.Reader.try_create(path, context=context)
    with path.open("rb") as file:
        return c2pa.Reader(path.suffix.removeprefix("."), file, manifest_data=manifest, context=context)


def _reason(error: Exception) -> str:
    return shown(str(error)).rstrip(".") + "."


def _settings(anchors: str | None) -> dict[str, object]:
    # A file may name any address for its manifest: nothing is fetched from there.
    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": anchors is not None}
    return {"verify": verify, **({} if anchors is None else {"trust": {"user_anchors": anchors}})}


def _provenance(document: Mapping[str, Any], *, compared: bool) -> Provenance:
    checked = (document.get("validation_results") or {}).get("activeManifest") or {}
    trusted = any(one.get("code") == "signingCredential.trusted" for one in checked.get("success", ()))
    manifests, active = document.get("manifests", {}), document.get("active_manifest", "")
    manifest = _manifest(manifests, active, _DEEPEST)
    problems = tuple(_problems(document.get("validation_results"), deep=True))
    if manifest is None or (not problems and document.get("validation_state") == "Invalid"):
        raise Unreadable("The file's manifest names no statement that can be read.")
    trust: Trust = "unknown" if not compared else "trusted" if trusted else "untrusted"
    return Provenance(manifest, problems, trust)


def _problems(results: Mapping[str, Any] | None, *, deep: bool = False) -> Iterator[str]:
    """Yield what is wrong, apart from trust."""
    results = results or {}
    found = list((results.get("activeManifest") or {}).get("failure", ()))
    if deep:
        deltas = ((one.get("validationDeltas") or {}) for one in results.get("ingredientDeltas") or ())
        found += [failure for delta in deltas for failure in delta.get("failure", ())]
    for one in found:
        code = one.get("code")
        if code in _CHANGED:
            yield "its content was changed after it was signed"
        elif code != _UNTRUSTED:
            yield _word(one.get("explanation") or code)


def _manifest(manifests: Mapping[str, Any], label: str, depth: int) -> Manifest | None:
    found = manifests.get(label)
    if found is None or depth == 0:
        return None
    signature = found.get("signature_info") or {}
    return Manifest(
        signer=_word(signature.get("common_name")),
        organisation=_word(signature.get("issuer")),
        algorithm=_word(signature.get("alg")),
        signed_at=_word(signature.get("time")),
        generator=_generator(found),
        actions=tuple(_actions(found)),
        ingredients=tuple(_ingredient(manifests, one, depth) for one in found.get("ingredients") or ()),
    )


def _ingredient(manifests: Mapping[str, Any], found: Mapping[str, Any], depth: int) -> Ingredient:
    return Ingredient(
        title=_word(found.get("title")),
        relationship=_word(found.get("relationship")),
        problems=tuple(_problems(found.get("validation_results"))),
        manifest=_manifest(manifests, str(found.get("active_manifest", "")), depth - 1),
    )


def _actions(manifest: Mapping[str, Any]) -> Iterator[Action]:
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for one in (assertion.get("data") or {}).get("actions") or ():
                source = _word(one.get("digitalSourceType")).rpartition("/")[2]
                yield Action(_word(one.get("action")), _agent(one.get("softwareAgent")), source)


def _generator(manifest: Mapping[str, Any]) -> str:
    written = manifest.get("claim_generator_info") or ()
    return ", ".join(filter(None, map(_agent, written))) or _word(manifest.get("claim_generator"))


def _agent(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(filter(None, (_word(value.get("name")), _word(value.get("version")))))
    return _word(value)


def _word(value: object) -> str:
    return "" if value is None else shown(str(value), LONGEST_WORD)
