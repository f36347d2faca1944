"""The page of a file's C2PA manifest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from reelwork.cli.views.text import paint, wrapped
from reelwork.media.provenance import Action, Ingredient, Manifest, Provenance
from reelwork.media.remote_manifest import elsewhere
from reelwork.net.addresses import place

_WIDTH = 14
_TRUST = {
    "trusted": "trusted: the certificate leads to one of --trust",
    "untrusted": "not trusted: the certificate leads to none of --trust",
    "unknown": "not known: compared with no trust list. Give one with --trust",
}


def as_json(file: Path, found: Provenance | None, named: str = "") -> dict[str, object]:
    """Return the manifest as programs get it. `named` is the address of one that is not in the file."""
    document: dict[str, object] = {"file": str(file), "manifest": None}
    if named:
        document["manifest_at"] = place(named)
    if found is not None:
        document |= {"valid": found.valid, "ai": found.ai, **asdict(found)}
    return document


def page(file: Path, found: Provenance | None, named: str = "") -> Iterator[str]:
    """Yield the lines about a file's manifest. `named` is the address of one that is not in the file."""
    yield paint(str(file), bold=True)
    if found is None and named:
        yield from _row("manifest", f"{elsewhere(named)}. Fetch it with --fetch")
        return
    if named:
        yield from _row("manifest", f"fetched from {place(named)}, which the file names")
    if found is None:
        yield from _row("manifest", "none: nobody has signed this file, or an edit has removed it")
        return
    yield from _row("signed by", _signer(found.manifest))
    yield from _row("valid", _validity(found))
    yield from _row("signer", _TRUST[found.trust])
    yield from _row(
        "time stamp", found.manifest.signed_at or "none: only the signer's word says when it was signed"
    )
    yield from _row("written by", found.manifest.generator or "not said")
    yield from _row("AI", f"yes: {found.ai}" if found.ai else "not said")
    yield from _history(found.manifest, "")


def _history(manifest: Manifest, indent: str) -> Iterator[str]:
    for position, action in enumerate(manifest.actions):
        yield from _row("" if position else "actions", _action(action), indent)
    for one in manifest.ingredients:
        yield from _row("made from", _ingredient(one), indent)
        if one.manifest is not None:
            yield from _history(one.manifest, f"{indent}    ")


def _row(name: str, text: str, indent: str = "") -> Iterator[str]:
    first, *rest = list(wrapped(text, " " * (len(indent) + _WIDTH + 2))) or [""]
    yield f"  {indent}{name.ljust(_WIDTH)}{first.strip()}".rstrip()
    yield from rest


def _validity(found: Provenance) -> str:
    if found.valid:
        return paint("yes: the file is as it was signed", fg="green")
    return paint(f"no: {'; '.join(found.problems)}", fg="red")


def _signer(manifest: Manifest) -> str:
    name = manifest.signer or "no name"
    company = f" ({manifest.organisation})" if manifest.organisation not in ("", name) else ""
    return f"{name}{company}, with {manifest.algorithm}" if manifest.algorithm else f"{name}{company}"


def _action(action: Action) -> str:
    by = f" by {action.by}" if action.by else ""
    return f"{action.name}{by}{f', {action.source}' if action.source else ''}"


def _ingredient(one: Ingredient) -> str:
    kind = "the video before" if one.relationship == "parentOf" else one.relationship
    title = f" {one.title}" if one.title else ""
    if one.manifest is None:
        return f"{kind}{title}, which had no manifest"
    state = f"not valid when it was used: {'; '.join(one.problems)}" if one.problems else "valid when it was used"
    return f"{kind}{title}, signed by {_signer(one.manifest)}; {state}"
