"""`platform-style`: style words for the job's platform, and copy that fits its limits."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator

from reelwork_hooks import Config, Job, Platform, Plugin, Prompt, hookimpl

FIELDS = {"prompt", "style", "platform"}
# Marks the prompt's place while the template is filled: no style and no platform's name holds it.
GAP = "\0"
ELLIPSIS = "…"
JOINER, KEYCAP = "\u200d", "\u20e3"


def _is_template(value: str) -> str:
    names = []
    for _, name, spec, conversion in string.Formatter().parse(value):
        # `{prompt.__class__}` and `{prompt!r}` are no fields: a template must not reach into Python's objects.
        if name is not None and (name not in FIELDS or spec or conversion):
            raise ValueError(f"{{{name}}} means nothing here: use {{prompt}}, {{style}} and {{platform}}")
        names.append(name)
    if names.count("prompt") != 1:
        raise ValueError("the template needs {prompt}, once")
    return value


class StyleConfig(Config):
    """Settings of `platform-style`."""

    template: Annotated[str, AfterValidator(_is_template)] = "{prompt}, {style}, optimized for {platform}"
    """The final prompt, made from `{prompt}`, `{style}` and `{platform}`."""
    styles: Mapping[str, str] = {}
    """Style words by platform, in place of the platform's own."""


class PlatformStyle(Plugin):
    """Adds the platform's style to the prompt, and makes title, caption and hashtags fit there.

    A prompt that carries the words already is left as it is. An empty caption becomes the brief's prompt,
    and so does an empty title where the platform has titles.
    """

    Config = StyleConfig
    config: StyleConfig
    computes = True

    @hookimpl
    def prompt_transform(self, prompt: Prompt, job: Job) -> Prompt | None:
        """Return the styled prompt, or None when there is no platform or nothing to change."""
        if job.platform is None:
            return None
        wanted = {"text": self._styled(prompt.text, job.platform)}
        wanted |= fitting_copy(prompt, job.brief.prompt, job.platform)
        changes = {name: value for name, value in wanted.items() if value != getattr(prompt, name)}
        return prompt.replace(**changes) if changes else None

    def _styled(self, text: str, platform: Platform) -> str:
        style = self._style_for(platform)
        template = self.config.template if style else self.config.template.replace(", {style}", "")
        before, after = template.format(prompt=GAP, style=style, platform=platform.name).split(GAP)
        words = text.strip()
        # Styled already: the words must not be added twice.
        if words.startswith(before) and words.endswith(after):
            return text
        if after.startswith(","):
            words = words.rstrip(" .,;")
        return f"{before}{words}{after}"

    def _style_for(self, platform: Platform) -> str:
        names = (platform.name, *platform.aliases)
        return next((self.config.styles[name] for name in names if name in self.config.styles), platform.style)


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


Counted = Callable[[str], int]


def fitting_copy(prompt: Prompt, idea: str, platform: Platform) -> dict[str, Any]:
    """Return the prompt's copy as it fits the platform; empty copy is made from `idea`.

    A caption that a person wrote goes before hashtags, hashtags go before a caption made here.
    """
    # Most networks send hashtags as part of the caption, so they count towards its limit.
    hashtags = prompt.hashtags[: platform.hashtag_limit]
    title = prompt.title or (idea if platform.title_limit else "")
    counted = partial(platform.length_of, field="caption")
    if prompt.caption:
        caption = fitted(prompt.caption, platform.caption_limit, counted)
    else:
        caption = fitted(idea, _room(platform.caption_limit, hashtags, counted), counted)
    return {
        "title": fitted(title, platform.title_limit, partial(platform.length_of, field="title")),
        "caption": caption,
        "hashtags": _that_fit(hashtags, caption, platform.caption_limit, counted),
    }


def fitted(text: str, limit: int | None, counted: Counted = _units) -> str:
    """Return the text, cut to at most `limit`, at the end of a word where there is one.

    `counted` gives the length as the network counts it; by default in UTF-16 units. Nothing that a reader sees as
    one character is cut in two.
    """
    text = text.strip()
    if limit is None or counted(text) <= limit:
        return text
    kept = ""
    for cluster in _clusters(text):
        if counted(kept + cluster) > limit - counted(ELLIPSIS):
            break
        kept += cluster
    return _at_word_end(kept, text[len(kept)]).rstrip(" \t\r\n.,;:–—-") + ELLIPSIS if kept else ""


def _at_word_end(kept: str, following: str) -> str:
    if following.isspace():
        return kept
    words = kept[: max(0, *(kept.rfind(space) for space in " \t\n"))]
    # A text without spaces, as in Chinese, or with one endless word is cut where the room ends.
    return words if len(words) > len(kept) // 2 else kept


def _room(limit: int | None, taken: tuple[str, ...], counted: Counted) -> int | None:
    if limit is None:
        return None
    return max(0, limit - sum(counted(text) + len(" #") for text in taken if text))


def _that_fit(hashtags: tuple[str, ...], caption: str, limit: int | None, counted: Counted) -> tuple[str, ...]:
    kept: tuple[str, ...] = ()
    room = None if limit is None else limit - counted(caption)
    for tag in hashtags:
        room = None if room is None else room - counted(tag) - len(" #")
        if room is not None and room < 0:
            break
        kept = (*kept, tag)
    return kept


def _clusters(text: str) -> list[str]:
    clusters: list[str] = []
    for character in text:
        if clusters and _continues(clusters[-1], character):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _continues(cluster: str, character: str) -> bool:
    if cluster.endswith(JOINER) or character in (JOINER, KEYCAP):
        return True
    if unicodedata.category(character) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    return _is_flag_half(character) and len(cluster) == 1 and _is_flag_half(cluster)


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
