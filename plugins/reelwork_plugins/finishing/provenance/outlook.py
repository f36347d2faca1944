"""What a person should know about a certificate that works: when it ends, and who knows its signer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reelwork_hooks import Brief, Problem
from reelwork_plugins.finishing.provenance.certificate import Certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Issued

SOON = timedelta(days=30)
"""`doctor` warns of the end of a certificate so long before. A new one takes its time."""


def last_post(brief: Brief, now: datetime) -> datetime:
    """Return the time of the last post that a brief names; now if it names none."""
    named = (brief.publish_at, *(copy.publish_at for copy in brief.destinations.values()))
    return max((at for at in named if at is not None), default=now)


def ends_before(by: Certificate, at: datetime, stamped: bool) -> Iterator[Problem]:
    """Yield a warning when the certificate ends before a post.

    `stamped`: a time stamp will prove that it had not ended when the video was signed.
    """
    if by.expires <= at and not stamped:
        ends = f"the certificate ends on {by.expires:%Y-%m-%d}, before the post of {at:%Y-%m-%d}"
        yield Problem(
            message=f"{ends}: from then on viewers may not accept the signature",
            hint="Get a new certificate, or set ta_url: a time stamp proves that it was signed before.",
            warning=True,
        )


def ends_soon(by: Certificate, now: datetime) -> Iterator[Problem]:
    """Yield a warning when the certificate ends soon."""
    if by.expires <= now + SOON:
        days = max((by.expires - now).days, 0)
        text = f"the certificate ends on {by.expires:%Y-%m-%d}, in {days} {'day' if days == 1 else 'days'}"
        yield Problem(message=f"{text}: then nothing can be signed with it", hint="Get a new one.", warning=True)


def not_trusted(by: Certificate, trusted: Sequence[Issued] | None) -> Iterator[Problem]:
    """Yield a warning when a certificate does not lead to one that is trusted. None: it is not known which are."""
    if trusted is not None and not leads_to(by, trusted):
        yield Problem(
            message="the certificate leads to none of trust_list: viewers will show the signer as unknown",
            hint="Get a certificate from an authority on that list. Without one, anyone can sign under any name.",
            warning=True,
        )


def leads_to(by: Certificate, trusted: Sequence[Issued]) -> bool:
    """Return whether a chain leads to a trusted certificate."""
    at, rest = by.signer, list(by.issued[1:])
    while not any(_is_issuer(one, at) for one in trusted):
        above = next((one for one in rest if _is_issuer(one, at)), None)
        if above is None:
            return False
        rest.remove(above)
        at = above
    return True


def _is_issuer(issuer: Issued, of: Issued) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        of.verify_directly_issued_by(issuer)
    # Another name, another kind of key, or another key.
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
