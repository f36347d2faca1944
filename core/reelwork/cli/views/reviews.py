"""Reviews of posts, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reelwork.cli.views.text import paint, whole, wrapped
from reelwork.ids import short_id
from reelwork.money import dollars
from reelwork.plural import age
from reelwork.studio.job_view import Money, view_of
from reelwork.studio.post_review import PostReview, ReviewedPost

if TYPE_CHECKING:
    from reelwork.store.records import Sendings


def ends_in_words(at: float, now: float) -> str:
    """Return when a review ends."""
    return "is over" if at <= now else f"in {age(at - now)}"


def page(review: PostReview, sent: Sendings | None, now: float) -> Iterator[str]:
    """Yield the lines about a job's posts, as an approval covers them."""
    view, name = view_of(review.row), short_id(review.row.id)
    yield f"{paint(name, bold=True)}  {view.prompt}"
    facts = [("version", review.version), ("video", whole(view.video or ""))]
    if sent is not None:
        facts.append(("paid", dollars(Money.of(sent).spent)))
    yield from (f"  {key.ljust(12)}{text}" for key, text in facts if text)
    for one in review.posts:
        yield ""
        yield from _post(one, now)
    if not review.posts:
        yield "No review was asked for."
    elif review.waiting:
        yield ""
        yield f"Nothing is posted before you decide: reelwork review approve {name} --version {review.version}"
        yield f"Or: reelwork review reject {name} --reason TEXT"


def _post(one: ReviewedPost, now: float) -> Iterator[str]:
    yield f"{paint(one.destination, bold=True)}  {_state(one, now)}"
    post = one.post
    label = f"{post.disclosure.ai} ({post.disclosure.label})"
    facts = [
        ("why", one.review.why),
        ("account", one.review.account),
        ("title", post.title),
        ("caption", post.caption),
        ("hashtags", " ".join(f"#{tag}" for tag in post.hashtags)),
        ("alt text", post.alt_text),
        ("privacy", post.privacy),
        ("made by AI", label),
        *((key, str(value)) for key, value in post.options.items()),
        *((file.role.value, f"{whole(str(file.path))} (sha256 {file.sha256[:12]})") for file in _files(one)),
    ]
    for key, text in facts:
        first, *rest = list(wrapped(text, " " * 14)) or [""]
        if first:
            yield f"  {key.ljust(12)}{first.strip()}"
            yield from rest


def _files(one: ReviewedPost) -> Iterator[Any]:
    from reelwork.planning.review_rules import files_of

    yield from files_of(one.post)


def _state(one: ReviewedPost, now: float) -> str:
    match one.state:
        case "waiting":
            return f"waits for a review, which ends {ends_in_words(one.review.expires_at, now)}"
        case "expired":
            return "nobody has reviewed it in time"
        case "approved" | "rejected":
            at = datetime.fromtimestamp(one.review.decided_at or 0).astimezone()
            reason = f": {one.reason}" if one.reason else ""
            return f"{one.state} by {one.review.by}, {at:%Y-%m-%d %H:%M}{reason}"
    return one.state
