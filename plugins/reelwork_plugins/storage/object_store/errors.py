"""Explains an object store's errors to the person whose bucket it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from reelwork_plugins.storage.object_store.bucket import Answered, NotStored

RETRY = "Fix that, then resume the job: it continues from here."
LONGEST_CAUSE = 120
"""Characters of an unknown error that are passed on."""

_STATUS = re.compile(r"status code: (\d{3}[^:\n]*)")
_REASON = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_UNREACHED = re.compile(r"error sending request|HTTP error|connection|timed out|operation timed out", re.IGNORECASE)


@contextmanager
def explained_errors(address: str) -> Iterator[None]:
    """Turn obstore's errors about an address into `NotStored`."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        raise NotStored(
            f"storage: {address}: there is no such bucket or container",
            hint="Create it, then resume the job: it continues from here.",
        ) from error
    except BaseError as error:
        problem, hint = _explained(error)
        kind = Answered if _STATUS.search(str(error)) else NotStored
        raise kind(f"storage: {address}: {problem}", hint=hint) from error


def _explained(error: Exception) -> tuple[str, str]:
    # Only these few words are shown: the error's own text runs over pages, and may hold a signed address.
    name, text = type(error).__name__, str(error).partition("Debug source")[0]
    answered = _answer(text)
    if name == "PermissionDeniedError":
        return f"the store refused it{answered}: these credentials are wrong or may not do that", RETRY
    if name == "UnauthenticatedError":
        return f"the store does not know these credentials{answered}", RETRY
    if "builder error" in text:
        return "its endpoint is no address that may be asked; http:// needs allow_http = true", RETRY
    if "credential" in text.lower() or "token request" in text:
        return "no credentials were found or they could not be read", _CREDENTIALS
    if answered:
        return f"the store answered{answered}", "Resume the job later: it continues from here."
    if _UNREACHED.search(text):
        return (
            "the store could not be reached, or the connection was cut; no half object was left",
            "Resume the job when it is back: the upload starts again.",
        )
    return f"the store's client failed ({name}{_cause(text)})", RETRY


def _cause(text: str) -> str:
    # An address may be signed: it is left out with all that follows it.
    words = " ".join(re.split(r"https?://|<", text, maxsplit=1)[0].split()).removeprefix("Generic ")
    return f": {words[:LONGEST_CAUSE].rstrip(' :,(')}" if words else ""


_CREDENTIALS = (
    "Give them as secret references (access_key_id, account_key, service_account, …), or set up the "
    "environment the vendor's own tools use, then resume the job."
)


def _answer(text: str) -> str:
    status, reason = _STATUS.search(text), _REASON.search(text)
    parts = [match[1].strip() for match in (status, reason) if match]
    return f" ({', '.join(parts)})" if parts else ""
