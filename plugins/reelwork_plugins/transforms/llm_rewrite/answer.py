"""The service's answer: read strictly, since its texts are sent to a paid service and posted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reelwork_hooks import HttpResponse, Platform, Prompt
from reelwork_plugins.transforms.llm_rewrite.config import LlmRewriteConfig
from reelwork_plugins.transforms.llm_rewrite.question import FIELDS, limit_of

_FENCE = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.DOTALL)
_TAG = re.compile(r"[^\s#,]+")
_FEW_LETTERS = 12
"""A text with fewer letters may be a name, which says nothing about its script."""


REPLACED = "\ufffd"
"""Stands where half a sign was: a store cannot keep that."""


class Unusable(Exception):
    """An answer that cannot be used, with the reason as a clause."""


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]


class _Texts(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str | None = None
    title: str | None = None
    caption: str | None = None
    hashtags: list[str] | None = None
    alt_text: str | None = None


@dataclass(frozen=True, slots=True)
class Charged:
    """What an answer is charged for: its tokens, None where it does not say."""

    asked: int | None
    answered: int | None


def charged(data: Any) -> Charged:
    """Return the tokens that an answer counts."""
    try:
        usage = _Usage.model_validate(data.get("usage") if isinstance(data, dict) else None)
    except ValidationError:
        return Charged(None, None)
    return Charged(usage.prompt_tokens, usage.completion_tokens)


def json_of(response: HttpResponse) -> Any:
    """Return an answer's JSON. Raises `Unusable`."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        raise Unusable("it is not JSON") from None


def texts_in(data: Any, write: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the texts of an answer, by their names. Raises `Unusable`."""
    content = _content(data)
    found = _FENCE.match(content.strip())
    try:
        # Some services write JSON as a person would, between fences.
        given = json.loads(found[1] if found else content)
        texts = _Texts.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"])) or "it"
        raise Unusable(f"its text has another form than asked for ({where:.60}: {wrong['msg'].lower()})") from None
    except (ValueError, RecursionError):
        raise Unusable("its text is not the JSON that was asked for") from None
    given_names = texts.model_fields_set
    if unasked := sorted(given_names - set(write)):
        raise Unusable(f"it has {', '.join(unasked)}, which was not asked for")
    if missing := [name for name in write if getattr(texts, name) is None]:
        raise Unusable(f"it has no {' and no '.join(missing)}")
    return {name: getattr(texts, name) for name in write}


def _content(data: Any) -> str:
    choices = data.get("choices") if isinstance(data, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise Unusable("it holds no message")
    if isinstance(refusal := message.get("refusal"), str) and refusal.strip():
        raise Unusable(f"the model refused: {' '.join(refusal.split())[:200]}")
    if data.get("too_long") is True:
        raise Unusable("it is far too long")
    if choice.get("finish_reason") == "length":
        raise Unusable("it was cut off at max_tokens")
    if choice.get("finish_reason") == "content_filter":
        raise Unusable("the service's filter stopped it")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Unusable("it is empty")
    return content


def changes_of(
    texts: Mapping[str, Any], prompt: Prompt, platform: Platform | None, config: LlmRewriteConfig
) -> dict[str, Any]:
    """Return the prompt's fields that an answer changes. Raises `Unusable` for what may not be sent or posted."""
    made = {name: _tags(value) if name == "hashtags" else _sound(name, value) for name, value in texts.items()}
    if not made.get("prompt", "-"):
        raise Unusable("its prompt is empty")
    for name, value in made.items():
        _check_length(name, value, made, prompt, platform, config)
    if not config.language:
        _check_script(made, prompt)
    return {FIELDS[name]: value for name, value in made.items()}


def _sound(name: str, text: str) -> str:
    text = text.replace("\r\n", "\n")
    for character in text:
        # Lone surrogates cannot be sent, and signs that nobody sees can turn a text around.
        sound = character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
        if not sound or character == REPLACED:
            raise Unusable(f"its {name} has a control character or invalid Unicode (U+{ord(character):04X})")
        if character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
            raise Unusable(f"its {name} has a character that changes the text direction (U+{ord(character):04X})")
    return " ".join(text.split()) if name == "title" else text.strip()


def _tags(given: list[str]) -> tuple[str, ...]:
    tags = [tag.strip().removeprefix("#") for tag in given]
    if wrong := next((tag for tag in tags if not _TAG.fullmatch(tag) or _sound("hashtags", tag) != tag), None):
        raise Unusable(f"{wrong[:40]!r} is not a hashtag")
    if "" in tags:
        raise Unusable("one of its hashtags is empty")
    return tuple(dict.fromkeys(tags))


def _check_length(
    name: str,
    value: Any,
    made: Mapping[str, Any],
    prompt: Prompt,
    platform: Platform | None,
    config: LlmRewriteConfig,
) -> None:
    limit = limit_of(name, platform, config)
    if limit is None:
        return
    if name in ("hashtags", "prompt", "alt_text") or platform is None:
        length = len(value)
    else:
        whole = value
        if name == "caption":
            # Most networks send the hashtags behind the text, so they count towards its limit.
            tags = made.get("hashtags", prompt.hashtags)
            whole = " ".join([value, *(f"#{tag}" for tag in tags)])
        length = platform.length_of(whole, "title" if name == "title" else "caption")
    if length > limit:
        what = "it has too many hashtags" if name == "hashtags" else f"its {name} is too long"
        where = f" at {platform.name}" if platform and name not in ("prompt", "alt_text") else ""
        raise Unusable(f"{what}: {length}; at most {limit}{where}")


def _check_script(made: Mapping[str, Any], prompt: Prompt) -> None:
    before = _script(" ".join((prompt.text, prompt.title, prompt.caption)))
    for name, value in made.items():
        after = _script(value) if isinstance(value, str) else ""
        if before and after and after != before:
            raise Unusable(f"its {name} is written in {after}, and the brief in {before}; set language to allow it")


def _script(text: str) -> str:
    """Return the script of most letters, such as `Latin`; empty where there are too few to tell."""
    letters = [unicodedata.name(one, "?").partition(" ")[0].title() for one in text if one.isalpha()]
    # Japanese is written in three, and a sentence of it may have any of them most.
    alike = {"Hiragana": "Cjk", "Katakana": "Cjk", "Katakana-Hiragana": "Cjk", "Fullwidth": "Latin"}
    counted = Counter(alike.get(script, script) for script in letters)
    return counted.most_common(1)[0][0] if len(letters) >= _FEW_LETTERS else ""
