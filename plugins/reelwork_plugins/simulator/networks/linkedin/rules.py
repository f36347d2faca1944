"""The rules by which LinkedIn takes uploads and posts, and the words in which it refuses them.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/videos-api
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from reelwork_plugins.simulator.networks.films import Film
from reelwork_plugins.simulator.refusals import Refused

PERSON_SCOPES = ("openid", "profile", "w_member_social")
PAGE_SCOPES = ("w_organization_social", "r_organization_social", "rw_organization_admin")
SCOPES = frozenset((*PERSON_SCOPES, *PAGE_SCOPES))
PERSON, PAGE = "urn:li:person:", "urn:li:organization:"
PAGE_NUMBER = "1000001"
"""The page for which everybody may post."""
PAGE_NAME = "Simulated page"
PART = 4 << 20
"""Bytes of a part."""
SMALLEST, LARGEST = 75_000, 5_000_000_000
SHORTEST, LONGEST = 3.0, 1800.0
LONGEST_TEXT = 3000
OLDEST_VERSION = "202512"
"""The oldest version of the API that is answered. LinkedIn ends each after about a year."""
LARGEST_LIST = 100
_NEEDED = ("author", "commentary", "visibility", "distribution", "lifecycleState")
_KNOWN = frozenset({
    *_NEEDED, "content", "isReshareDisabledByAuthor", "contentLandingPage", "contentCallToActionLabel",
    "adContext", "container", "reshareContext",
})  # fmt: skip
_VISIBILITIES = ("PUBLIC", "CONNECTIONS", "LOGGED_IN")
_VERSION = re.compile(r"20\d{4}(\d\d)?")
_RESERVED = frozenset("\\|{}@[]()<>#*_~")
_TAG = re.compile(r"#\w*[^\W\d_]")


def person_id(account: str) -> str:
    """Return the id of a person: the same in every run, so that a sign-in outlives the simulator."""
    return hashlib.sha256(f"linkedin {account}".encode()).hexdigest()[:10]


def check_headers(request: Request) -> None:
    """Raise `Refused` for a call without what LinkedIn wants beside the token."""
    given, protocol = request.headers.get("linkedin-version"), request.headers.get("x-restli-protocol-version")
    if not given:
        message = "A version must be present. Please specify a version by adding the LinkedIn-Version header."
        raise Refused(400, message, code="VERSION_MISSING")
    if not _VERSION.fullmatch(given) or given < OLDEST_VERSION:
        raise Refused(426, f"Requested version {given[:20]} is not active", code="NONEXISTENT_VERSION")
    if protocol != "2.0.0":
        raise Refused(400, "X-Restli-Protocol-Version: 2.0.0 is needed", code="ILLEGAL_ARGUMENT")


def invalid(message: str, code: str = "ILLEGAL_ARGUMENT") -> Refused:
    """Return the refusal of what was asked."""
    return Refused(400, message, code=code)


def forbidden(what: str) -> Refused:
    """Return the refusal of a call for want of a right."""
    return Refused(403, f"Not enough permissions to access: {what}", code="ACCESS_DENIED")


def checked_upload(asked: Any) -> tuple[str, int]:
    """Return the owner and the size of an upload. Raises `Refused`."""
    asked = asked if isinstance(asked, Mapping) else {}
    owner, size = asked.get("owner"), asked.get("fileSizeBytes")
    if not isinstance(owner, str) or not owner.startswith((PERSON, PAGE)):
        raise invalid("/initializeUploadRequest/owner: it is no URN of a person or an organization")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= LARGEST:
        raise invalid(f"/initializeUploadRequest/fileSizeBytes: it must be from 1 to {LARGEST}")
    return owner, size


def checked_post(asked: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the author, the text and the video of a post. Raises `Refused`."""
    wrong = [f"/{name} :: unrecognized field found but not allowed" for name in sorted(asked.keys() - _KNOWN)]
    wrong += [
        f"/{name} :: field is required but not found and has no default value"
        for name in _NEEDED
        if name not in asked
    ]
    distribution = asked.get("distribution")
    if not wrong and (not isinstance(distribution, dict) or distribution.get("feedDistribution") != "MAIN_FEED"):
        wrong.append("/distribution/feedDistribution :: it must be MAIN_FEED")
    if not wrong and (asked["visibility"] not in _VISIBILITIES or asked["lifecycleState"] != "PUBLISHED"):
        wrong.append("/visibility, /lifecycleState :: not an enum symbol")
    content = asked.get("content")
    media = content.get("media") if isinstance(content, dict) else None
    video = media.get("id") if isinstance(media, dict) else None
    author, text = asked.get("author"), asked.get("commentary")
    if not wrong and not (isinstance(author, str) and isinstance(text, str) and isinstance(video, str)):
        wrong.append("/author, /commentary, /content/media/id :: a text is needed; the simulator takes videos only")
    if wrong:
        raise Refused(422, "".join(f"ERROR :: {one}\n" for one in wrong), code="UNPROCESSABLE_ENTITY")
    _check_text(str(text))
    if str(author).startswith(PAGE) and asked["visibility"] == "CONNECTIONS":
        raise invalid("/visibility: an organization has no connections")
    return str(author), str(text), str(video)


def _check_text(text: str) -> None:
    if len(text.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST_TEXT:
        raise Refused(
            400,
            f"Commentary exceeds the maximum length of {LONGEST_TEXT}",
            code="FIELD_LENGTH_TOO_LONG",
            data={"description": "The length of the field exceeds the maximum"},
        )


def shown_text(little: str) -> str:
    """Return what people see of a text in the `little` format: what comes after a reserved sign is lost."""
    text, at = "", 0
    while at < len(little):
        sign = little[at]
        if sign == "\\" and little[at + 1 : at + 2] in _RESERVED and at + 1 < len(little):
            text, at = text + little[at + 1], at + 2
            continue
        if sign in _RESERVED and not _TAG.match(little, at):
            break
        text, at = text + sign, at + 1
    return text


def unfit(film: Film | None, size: int) -> str:
    """Return why a video cannot be used; empty if it can."""
    if film is None:
        return "The file is no video"
    if size < SMALLEST:
        return f"The file is smaller than {SMALLEST} bytes"
    if not SHORTEST - 0.2 <= film.seconds <= LONGEST + 0.5:
        return "The length is not between 3 seconds and 30 minutes"
    return "" if 1 / 2.4 <= film.width / film.height <= 2.4 else "The aspect ratio is not between 1:2.4 and 2.4:1"


def time_text(at: float) -> str:
    """Return a time for people."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
