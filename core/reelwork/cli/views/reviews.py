"""Reviews of posts in words, from the document that programs get: of this machine or of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from reelwork.cli.views.text import columns, line_width, paint, whole, wrapped
from reelwork.credentials.known_as import known_as
from reelwork.ids import short_id
from reelwork.money import dollars
from reelwork.plural import age
from reelwork.studio.next_words import HERE, Vantage
from reelwork.studio.wording import ai_words

Review = Mapping[str, Any]


def _ends(document: Review, now: float) -> str:
    """Return when a review ends."""
    at = datetime.fromisoformat(document["expires_at"]).timestamp()
    return "is over" if at <= now else f"in {age(at - now)}"


def listing(found: Sequence[Review], now: float) -> Iterator[str]:
    """Yield the lines about the jobs in review."""
    rows = [["JOB", "POSTS TO", "ENDS", "PROMPT"]]
    for one in found:
        posts = [post["destination"] for post in one["posts"] if post["waits"]]
        appeals = [f"appeal: {two['destination'] or two['subject']}" for two in one["appeals"] if two["waits"]]
        where = ", ".join((*posts, *appeals))
        rows.append([short_id(one["job"]), where, _ends(one, now), one["prompt"]])
    yield from columns(rows, flexible=-1, width=line_width())


def page(review: Review, now: float, at: Vantage = HERE) -> Iterator[str]:
    """Yield the lines about a job's posts and appeals, as an approval covers them, with the commands as typed
    there.
    """
    name = short_id(review["job"])
    yield f"{paint(name, bold=True)}  {review['prompt']}"
    facts = [("version", review["version"]), ("video", whole(review["video"] or ""))]
    if "spent" in review:
        facts.append(("paid", dollars(Decimal(review["spent"]))))
    yield from (f"  {key.ljust(12)}{text}" for key, text in facts if text)
    for one in review["posts"]:
        yield ""
        yield from _post(one, now)
    for one in review["appeals"]:
        yield ""
        yield from _appeal(one, now, review["cost"])
    if not review["posts"] and not review["appeals"]:
        yield "No review was asked for."
    elif review["expires_at"] is not None:
        yield ""
        approve = f"reelwork review approve {name} --version {review['version']}"
        if any(one["waits"] for one in review["appeals"]):
            yield "Approving it overrules this verdict for this content. All later stages are moderated."
        yield f"Nothing is posted before you decide: {at.typed(approve)}"
        yield f"Or: {at.typed(f'reelwork review reject {name} --reason TEXT')}"


def _post(post: Review, now: float) -> Iterator[str]:
    yield f"{paint(post['destination'], bold=True)}  {_state(post, now)}"
    label = ai_words(post["disclosure"]["ai"], post["disclosure"]["label"])
    facts = [
        ("why", post["why"]),
        ("account", known_as(post["account"])),
        ("title", post["title"]),
        ("caption", post["caption"]),
        ("hashtags", " ".join(f"#{tag}" for tag in post["hashtags"])),
        ("alt text", post["alt_text"]),
        ("privacy", post["privacy"]),
        ("made by AI", label),
        *((key, str(value)) for key, value in post["options"].items()),
        *((file["role"], f"{whole(file['path'])} (sha256 {file['sha256'][:12]})") for file in post["files"]),
    ]
    yield from _facts(facts)


def _facts(facts: Sequence[tuple[str, str]]) -> Iterator[str]:
    for key, text in facts:
        first, *rest = list(wrapped(text, " " * 14)) or [""]
        if first:
            yield f"  {key.ljust(12)}{first.strip()}"
            yield from rest


def _appeal(appeal: Review, now: float, cost: str | None) -> Iterator[str]:
    state = f"waits for a person, which ends {_ends(appeal, now)}"
    yield f"{paint('appeal', bold=True)}  {state if appeal['state'] == 'waiting' else _state(appeal, now)}"
    judged = " ".join(filter(None, (appeal["package"], appeal["version"])))
    model = f", model {appeal['model']}" if appeal["model"] else ""
    facts = [
        ("refused", appeal["subject"]),
        ("by", f"{appeal['plugin']} ({judged}{model})"),
        ("verdict", appeal["verdict"]),
        ("flagged", ", ".join(appeal["flagged"])),
        ("categories", ", ".join(_category(name, appeal) for name in appeal["categories"])),
        ("says", appeal["text"]),
        ("because", f"{appeal['because']} ({appeal['appealed_by']})"),
        ("content", appeal["content"][:12]),
        ("then pays", _price(cost) if appeal["waits"] and appeal["stage"] in ("brief", "prompt") else ""),
    ]
    yield from _facts(facts)


def _price(cost: str | None) -> str:
    return "a render whose price is not known" if cost is None else f"{dollars(Decimal(cost))}, as estimated"


def _category(name: str, appeal: Review) -> str:
    score, least = appeal["scores"].get(name), appeal["thresholds"].get(name)
    told = [f"{score:.2f}"] if score is not None else []
    told += [f"stopped from {least:.2f}"] if least is not None else []
    return f"{name} ({', '.join(told)})" if told else name


def told_of_appeal(made: Review, at: Vantage = HERE) -> Iterator[str]:
    """Yield the lines about an appeal that was just made."""
    name, ends = short_id(made["job"]), made["expires_at"][:16].replace("T", " ")
    yield f"Appealed for {name}: {made['subject']} waits for a person until {ends} UTC."
    yield f"next  {at.typed(f'reelwork review show {name}')}  (a reviewer decides)"


def _state(post: Review, now: float) -> str:
    match post["state"]:
        case "waiting":
            return f"waits for a review, which ends {_ends(post, now)}"
        case "void":
            return "nobody is asked any more: its content was changed, or the job was ended"
        case "expired":
            return "nobody reviewed it in time"
        case "approved" | "rejected":
            at = datetime.fromisoformat(post["decided_at"]).astimezone() if post["decided_at"] else None
            when = f", {at:%Y-%m-%d %H:%M}" if at else ""
            reason = f": {post['reason']}" if post["reason"] else ""
            return f"{post['state']} by {post['by']}{when}{reason}"
    return str(post["state"])
