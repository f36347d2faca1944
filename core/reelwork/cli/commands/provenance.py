"""`reelwork provenance`: the C2PA manifest of a file."""

from __future__ import annotations

import json
from pathlib import Path

import click

from reelwork.cli.completions import complete_files
from reelwork.cli.lazy import LazyGroup
from reelwork.cli.shared import common_options, shared

COMMANDS = {"show": ("reelwork.cli.commands.provenance:show", "Show who signed a file, and what it was made from.")}
EXIT_CODES = """\b
Exit codes:
  0  the file has a valid manifest
  1  it has none, or it is not valid, or --trust does not lead to its signer, or --fetch did not get it
  2  the file cannot be read"""


@click.group(cls=LazyGroup, table=COMMANDS)
def provenance() -> None:
    """Show the C2PA manifest of a file: who signed it, and what it was made from."""


@click.command(epilog=EXIT_CODES)
@click.argument("file", type=Path, metavar="FILE", shell_complete=complete_files)
@click.option("--trust", type=Path, metavar="PEM", help="Certificates that you trust, such as a C2PA trust list.")
@click.option("--fetch", is_flag=True, help="Fetch a manifest that is not in FILE from where FILE says it is.")
@common_options()
def show(file: Path, trust: Path | None, fetch: bool) -> None:
    """Show who signed FILE, whether it is as it was signed, whether it says that AI made it, and its history.

    The network is not used without --fetch. Reelwork brings no trust list: without --trust, anyone may have signed
    the file under any name. Needs: pip install "reelwork[provenance]"
    """
    from reelwork.cli.views.provenance import as_json, page
    from reelwork.cli.views.text import tell
    from reelwork.media.provenance import Elsewhere, read_provenance

    anchors, named = None if trust is None else _anchors(trust), ""
    try:
        found = read_provenance(_there(file), anchors)
    except Elsewhere as error:
        named, found = error.address, None
        if fetch:
            found = read_provenance(file, anchors, _fetched(named))
    good = found is not None and found.valid and found.trust != "untrusted"
    if shared().json:
        click.echo(json.dumps(as_json(file, found, named), indent=2, ensure_ascii=False))
    else:
        tell("\n".join(page(file, found, named)))
    click.get_current_context().exit(0 if good else 1)


def _fetched(address: str) -> bytes:
    """Return the manifest at an address that a file names. Raises `InvalidInput` and `Unavailable`."""
    import asyncio

    from reelwork.media.remote_manifest import check_encrypted, fetched
    from reelwork.net.client import Http

    check_encrypted(address)

    async def fetch() -> bytes:
        # Nothing is trusted: the file may name an address in this network.
        http = Http()
        try:
            return await fetched(address, http)
        finally:
            await http.aclose()

    return asyncio.run(fetch())


def _there(file: Path) -> Path:
    """Return the path of a file that can be opened. Raises `InvalidInput`."""
    from reelwork_hooks.errors import InvalidInput

    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error


def _anchors(path: Path) -> str:
    """Return trusted certificates as PEM. Raises `InvalidInput`."""
    from reelwork_hooks.errors import InvalidInput

    try:
        text = _there(path).read_text(encoding="ascii")
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise InvalidInput(f"--trust {path}: it holds no certificates in PEM.")
    return text
