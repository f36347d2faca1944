"""Pages for people: where they allow a sign-in, and what was posted."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CONTENT_POLICY = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Headers of every page: what it shows came from requests."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 17px/1.5 sans-serif; margin: 2em auto; max-width: 40em; padding: 0 1em; }}
article {{ border: 1px solid #8888; border-radius: 8px; margin: 1em 0; padding: 1em; }}
video {{ max-width: 100%; max-height: 60vh; }} .text {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
.small {{ font-size: 14px; color: #777; }} code {{ overflow-wrap: anywhere; }}
</style></head><body>
{body}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One post, as a person looks at it."""

    id: str
    account: str
    at: str
    text: str
    facts: Mapping[str, Any]
    """Visibility, title, label for AI and what else there is."""
    film: str | None
    """The address of its video."""
    url: str

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "id": self.id, "account": self.account, "at": self.at, "url": self.url, "text": self.text,
            **self.facts, "video": self.film,
        }  # fmt: skip


def posts_page(title: str, posts: Iterable[Shown]) -> str:
    """Return the page of everything that was posted, newest first."""
    shown = "\n".join(map(_article, posts)) or "<p>Nothing was posted yet.</p>"
    note = "<p class=small>A simulator on this machine. Nobody else sees this; it forgets it when it stops.</p>"
    return _page(title, f"<h1>{html.escape(title)}</h1>{note}\n{shown}")


def consent_page(title: str, asked: Mapping[str, str], scopes: Iterable[str]) -> str:
    """Return the page on which a person allows a sign-in."""
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in asked.items()
    )
    wanted = "".join(f"<li><code>{html.escape(scope)}</code></li>" for scope in scopes)
    form = (
        f'<form method="post">{hidden}<p><label>As <input name="account" value="rehearsal" '
        'pattern="[A-Za-z0-9]+" maxlength="30"></label></p>'
        '<button name="answer" value="allow">Allow</button> <button name="answer" value="deny">Deny</button></form>'
    )
    intro = f"<h1>{html.escape(title)}</h1><p>A program wants to use an account here. It may then:</p>"
    return _page(title, f"{intro}<ul>{wanted}</ul>{form}")


def code_page(title: str, code: str, problem: str) -> str:
    """Return the page with the code to paste, or with what stands in the way."""
    told = (
        f"<p>Paste this code into the terminal:</p><p><code>{html.escape(code)}</code></p>"
        if code
        else f"<p>{html.escape(problem)}</p>"
    )
    return _page(title, f"<h1>{html.escape(title)}</h1>{told}")


def _article(post: Shown) -> str:
    facts = " · ".join(f"{html.escape(name)}: {html.escape(_words(value))}" for name, value in post.facts.items())
    film = f'<video controls preload="metadata" src="{html.escape(post.film)}"></video>' if post.film else ""
    head = f'<a href="{html.escape(post.url)}">{html.escape(post.id)}</a> · {html.escape(post.account)}'
    return (
        f"<article><p class=small>{head} · {html.escape(post.at)}</p>{film}"
        f'<p class="text">{html.escape(post.text)}</p><p class=small>{facts}</p></article>'
    )


def _words(value: Any) -> str:
    match value:
        case None:
            return "not said"
        case bool():
            return "yes" if value else "no"
        case Mapping() | list() | tuple():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=html.escape(title), body=body)
