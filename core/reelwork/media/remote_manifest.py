"""Manifests that are not in a file: its XMP names an address for them (`dcterms:provenance`, C2PA 2.x)."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from reelwork.net.addresses import place
from reelwork_hooks.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from reelwork_hooks.http import HttpClient

_NAMED = re.compile(r"""dcterms:provenance(?:\s*=\s*["']|\s*>\s*)(https?://[^"'<>\s]+)""")


def address_in(xmp: bytes) -> str:
    """Return the address that XMP names for a manifest; empty if it names none."""
    found = _NAMED.search(xmp.decode("utf-8", "replace"))
    return html.unescape(found[1]) if found else ""


def elsewhere(address: str) -> str:
    """Return the words about a manifest at an address, of which only the server is shown."""
    return f"it is not in the file, which names {place(address)} for it; nothing was fetched from there"


def check_encrypted(address: str) -> None:
    """Refuse an address of which anyone on the way could read or change the answer. Raises `InvalidInput`."""
    if not address.startswith("https://"):
        raise InvalidInput(f"The manifest at {place(address)} was not fetched: its address is not https.")


async def fetched(address: str, http: HttpClient) -> bytes:
    """Return the manifest at an address that a file names. Raises `Unavailable`.

    The client's rules on addresses must hold: whoever made the file chose where this machine reads.
    """
    answer = await http.get(address)
    if answer.status_code != 200:
        raise Unavailable(f"The manifest was not fetched: {place(address)} answered {answer.status_code}.")
    return answer.content
