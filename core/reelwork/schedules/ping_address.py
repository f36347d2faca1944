"""The address of a dead man's switch, as it is written in settings, and as it may be shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from reelwork.credentials.named_secrets import SECRET
from reelwork.errors import WorkflowInvalid
from reelwork.net.addresses import place, refused_as_written
from reelwork.settings.pings import pings_may_be_private

HINT = 'Write ping = "https://…", or a reference to it: env:NAME, file:PATH or aws-sm:NAME#KEY.'


def check_ping(written: str) -> None:
    """Refuse what is neither an address nor a reference to one. Raises `WorkflowInvalid`, without showing it."""
    if not SECRET.match(written) and not is_address(written):
        raise WorkflowInvalid("The address of the ping is neither http(s):// nor a reference to one.", hint=HINT)


def check_ping_place(written: str, cwd: Path | None = None) -> None:
    """Refuse a switch that is plainly in this network, unless that is allowed. Raises `WorkflowInvalid`.

    A name is judged by what it leads to when it is pinged, and a reference when it is read.
    """
    if SECRET.match(written):
        return
    why = refused_as_written(urlsplit(written).hostname or "")
    if why and not pings_may_be_private(cwd):
        raise WorkflowInvalid(
            f"The address of the ping is {why}, which is refused unless it is configured.",
            hint="Allow it in reelwork.toml: [pings] private = true",
        )


def is_address(text: str) -> bool:
    """Return whether a text is an http(s) address."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def shown(written: str) -> str | None:
    """Return the address as it may be shown: whoever knows all of it can say that all is well."""
    if not written:
        return None
    return written if SECRET.match(written) else f"{place(written)}/…"
