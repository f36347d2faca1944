"""The gallery's page: one HTML file without scripts, that asks nothing of any other machine.

Posts stand together by run, because one prompt often becomes one video for each platform; the newest run
comes first. The platform filter is done in CSS: without `:has()` the page shows everything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from reelwork_hooks.money import dollars
from reelwork_plugins.publishers.gallery.entries import Entry

NAMES = {"youtube": "YouTube", "instagram": "Instagram", "tiktok": "TikTok", "twitter": "X", "none": "Other"}
STYLE = Path(__file__).with_name("page.css")
DEFAULT_RATIO = 16 / 9


@dataclass(frozen=True)
class Around:
    """The rest of the gallery, for the links of a page. An empty name means that there is no such page."""

    total: int
    """Videos of the whole gallery."""
    older: str = ""
    """The file of the page with the videos before these."""
    newest: str = ""
    """The first page."""
    moved: Sequence[Entry] = ()
    """Posts that were on this page once: old links to them must still lead somewhere."""


def render_page(entries: Iterable[Entry], title: str, around: Around | None = None) -> str:
    """Return a whole page. The same entries give the same page, in whatever order they come."""
    newest_first = sorted(entries, key=lambda entry: (entry.created_at, entry.key), reverse=True)
    runs = _by_run(newest_first)
    platforms = sorted({_platform(entry) for entry in newest_first}, key=_chip_order)
    style = _style(newest_first, platforms)
    body = "\n".join(_run(run) for run in runs) or _nothing_yet()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Reelwork">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#posts">Skip to the videos</a>
<header class="top">
<div><h1>{escape(title)}</h1>
<p class="sum">{_summary(newest_first, len(runs), around)}</p></div>
{_filter(newest_first, platforms)}</header>
<main id="posts">
{body}
</main>
{_others(around)}<footer>Made with Reelwork. The page and its videos are on this machine only.</footer>
</body>
</html>
"""


def _by_run(newest_first: Sequence[Entry]) -> list[list[Entry]]:
    newest: dict[str, int] = {}
    for entry in newest_first:
        newest.setdefault(entry.run, len(newest))
    together = sorted(newest_first, key=lambda entry: newest[entry.run])
    return [sorted(run, key=_place) for _, run in groupby(together, key=lambda entry: entry.run)]


def _place(entry: Entry) -> tuple[int, str, str, float, str, int, str]:
    # Rows in their order; the shapes of one prompt from wide to tall, which fills a line best.
    row = entry.row or ""
    return (len(row), row, entry.idea, -_ratio(entry), _platform(entry), entry.take, entry.key)


def _policy(style: str) -> str:
    # The second wall behind `escape`: markup that came in with a prompt could run nothing and load nothing.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # `file:` because a page opened from disk has no origin that 'self' could mean.
    own = "'self' file:"
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src {own}; media-src {own}; "
        "base-uri 'none'; form-action 'none'"
    )


def _style(entries: Sequence[Entry], platforms: Sequence[str]) -> str:
    shapes = sorted({_shape(entry) for entry in entries})
    rules = [STYLE.read_text(encoding="utf-8").strip()]
    rules += [f".r{shape}{{--r:{shape / 1000:g}}}" for shape in shapes]
    for platform in platforms:
        chosen, wanted = f"body:has(#show-{platform}:checked)", f".on-{platform}"
        rules.append(f"{chosen} .card:not({wanted}),{chosen} .run:not(:has({wanted})){{display:none}}")
    return "\n" + "\n".join(rules) + "\n"


def _filter(entries: Sequence[Entry], platforms: Sequence[str]) -> str:
    if len(platforms) < 2:
        return ""
    counts = [("", "All", len(entries))]
    for name in platforms:
        counts.append((f"-{name}", _name(name), sum(_platform(entry) == name for entry in entries)))
    chips = "\n".join(
        f'<label><input type="radio" name="show" id="show{key}"{"" if key else " checked"}>'
        f"<span>{escape(label)} <small>{count}</small></span></label>"
        for key, label, count in counts
    )
    return f'<fieldset class="chips"><legend>Show the videos for</legend>\n{chips}\n</fieldset>\n'


def _others(around: Around | None) -> str:
    if around is None:
        return ""
    links = [(around.newest, "Newest videos"), (around.older, "Older videos")]
    shown = " ".join(f'<a href="{name}">{label}</a>' for name, label in links if name)
    moved = "\n".join(
        f'<li id="{entry.id}"><a href="page-0001.html#{entry.id}">{escape(entry.title or entry.idea)}</a></li>'
        for entry in around.moved
    )
    first = (
        f'<details class="first"><summary>The first videos</summary><ul>\n{moved}\n</ul></details>\n'
        if moved
        else ""
    )
    return f'<nav class="others" aria-label="Other pages">{shown}</nav>\n{first}' if shown else ""


def _summary(entries: Sequence[Entry], runs: int, around: Around | None) -> str:
    seconds = sum(entry.video.duration or 0 for entry in entries)
    parts = [_count(len(entries), "video"), _count(runs, "run"), f"{_length(seconds)} to watch"]
    if around is not None and around.total > len(entries):
        parts[0] = f"{len(entries)} of {_count(around.total, 'video')}"
    return " · ".join(parts if entries else parts[:1])


def _run(run: Sequence[Entry]) -> str:
    ideas = dict.fromkeys(entry.idea for entry in run)
    heading = next(iter(ideas)) if len(ideas) == 1 else f"{run[0].workflow}: {_count(len(ideas), 'prompt')}"
    cards = "\n".join(_card(entry, with_idea=len(ideas) > 1) for entry in run)
    facts = " · ".join([_time(run[0].created_at), _count(len(run), "video"), _cost(_total(run))])
    return f"""<section class="run">
<h2>{escape(heading)}</h2>
<p class="facts">{facts} · <span class="id">run {escape(run[0].run)}</span></p>
<div class="row">
{cards}
</div>
</section>"""


def _card(entry: Entry, *, with_idea: bool) -> str:
    idea = f'<p class="idea">{escape(entry.idea)}</p>\n' if with_idea else ""
    title = f"<h3>{escape(entry.title)}</h3>\n" if entry.title and entry.title != entry.idea else ""
    made = "Partly AI-generated" if entry.ai == "partly" else "AI-generated"
    label = f'<span class="ai">{made}</span>' if entry.ai_generated else ""
    platform = f'<span class="on">{escape(_name(entry.platform))}</span>' if entry.platform else ""
    take = f'<span class="take">take {entry.take} of {entry.takes}</span>' if entry.takes > 1 else ""
    target = f'<span class="take">{escape(entry.target)}</span>' if entry.target else ""
    return f"""<article class="card r{_shape(entry)} {_posture(entry)} on-{_platform(entry)}" id="{entry.id}">
<div class="screen">{_player(entry)}</div>
<div class="text">
<p class="tags">{platform}{label}{target}{take}</p>
{idea}{title}{_copy(entry)}<p class="facts">{" · ".join(_facts(entry))}</p>
{_details(entry)}
</div>
</article>"""


def _player(entry: Entry) -> str:
    video, poster = entry.video, entry.poster
    size = f' width="{video.width}" height="{video.height}"' if video.width and video.height else ""
    picture = f' poster="{quote(poster.path)}"' if poster else ""
    shows = entry.alt_text or entry.idea
    about = escape(f"{_name(entry.platform)} video: {shows}" if entry.platform else f"Video: {shows}")
    return (
        f'<video controls playsinline preload="none"{size}{picture} aria-label="{about}">'
        f'<source src="{quote(video.path)}" type="{escape(video.media_type)}">'
        f'<a href="{quote(video.path)}">{about}</a></video>'
    )


def _copy(entry: Entry) -> str:
    tags = " ".join(f"#{tag}" for tag in entry.hashtags)
    said = entry.caption if entry.caption != entry.idea else ""
    caption = f'<p class="caption">{escape(said)}</p>\n' if said else ""
    return caption + (f'<p class="hashtags">{escape(tags)}</p>\n' if tags else "")


def _facts(entry: Entry) -> list[str]:
    video = entry.video
    facts = [f"{video.width}×{video.height}"] if video.width and video.height else []
    facts += [_length(video.duration)] if video.duration else []
    return [*facts, _weight(video.bytes), _cost(entry.cost)]


def _details(entry: Entry) -> str:
    rows = [
        ("Prompt as sent", escape(entry.sent)),
        ("Provider", escape(entry.provider)),
        ("Published", _time(entry.published_at)),
        ("Job", f'<span class="id">{escape(entry.job)}</span>'),
        ("File", f'<a href="{quote(entry.video.path)}" download>Download the video</a>'),
    ]
    terms = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows)
    return f"<details><summary>Details</summary><dl>{terms}</dl></details>"


def _nothing_yet() -> str:
    return '<p class="empty">No videos yet. They appear here as soon as a workflow publishes one.</p>'


def _platform(entry: Entry) -> str:
    return entry.platform or "none"


def _name(platform: str) -> str:
    return NAMES.get(platform, platform.replace("-", " ").replace("_", " ").title())


def _chip_order(platform: str) -> tuple[bool, str]:
    return platform == "none", _name(platform)


def _ratio(entry: Entry) -> float:
    video = entry.video
    return video.width / video.height if video.width and video.height else DEFAULT_RATIO


def _shape(entry: Entry) -> int:
    return round(1000 * _ratio(entry))


def _posture(entry: Entry) -> str:
    return "tall" if _ratio(entry) < 0.8 else "wide"


def _total(run: Sequence[Entry]) -> Decimal | None:
    # A render that several posts show was paid for once.
    costs = {(entry.provider, entry.render or entry.key): entry.cost for entry in run}
    known = [cost for cost in costs.values() if cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(costs) else None


def _cost(cost: Decimal | None) -> str:
    if cost is None:
        return "cost unknown"
    if cost == 0:
        return "no cost"
    return dollars(cost)


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def _weight(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{max(1, count // 1000)} kB"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def _time(moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at.day} {at:%b %Y, %H:%M} UTC</time>'
