"""The text of a post, counted and cut as X takes it.

https://docs.x.com/resources/fundamentals/counting-characters
"""

from __future__ import annotations

from reelwork_hooks import Job, Post, has_address, x_weight
from reelwork_plugins.publishers.meta.text import filled_to, shortened
from reelwork_plugins.publishers.post_text import DEFAULT_DISCLOSURE, disclosure, filled

LONGEST, LONGEST_PREMIUM = 280, 25_000
LONGEST_ALT = 1000


def post_text(post: Post, job: Job, template: str, *, premium: bool) -> str:
    """Return the text. Where it is too long, the caption is cut, and hashtags last."""
    words = disclosure(post, DEFAULT_DISCLOSURE) if post.disclosure.label == "caption" else ""
    said = filled(template, post, job)
    tail = f"\n\n{words}" if words and words.casefold() not in said.casefold() else ""
    return filled_to(LONGEST_PREMIUM if premium else LONGEST, template, post, job, tail, x_weight).strip()


def alt_text(post: Post) -> str:
    """Return the alt text, cut to what X takes."""
    return shortened(post.alt_text, LONGEST_ALT, len)


def may_have_link(post: Post, template: str) -> bool:
    """Return whether X may see an address in the text: it is then charged as a post with one."""
    # Before the text is cut, and with what is known of it: a prompt is not.
    said = (post.title, post.caption, *post.hashtags, template)
    return "{prompt}" in template or any(map(has_address, said))
