"""`openai-moderation`: asks a moderation service whether prompts, pictures, videos and posts may pass.

It speaks OpenAI's `/v1/moderations` (openai-openapi, 2026-08-21), which other servers speak too, such as LocalAI
or a gateway. OpenAI's own is free of charge. A service that is out of reach or slow, or whose answer cannot be
understood, holds the job: nothing passes unchecked.
"""

from __future__ import annotations

import asyncio
import base64
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from reelwork_hooks import (
    Config,
    Content,
    HttpResponse,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
    Plugin,
    SecretRef,
    Stage,
    Unavailable,
    Verdict,
    hookimpl,
)
from reelwork_plugins.endpoints import is_private, origin_of, service_address

CATEGORIES = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
    "self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors",
    "violence", "violence/graphic",
)  # fmt: skip
"""The categories of omni-moderation. Other servers may have their own."""
# Enough to judge a picture by, and it bounds the request.
PICTURE_SIDE = 1024
"""Pixels. Larger pictures are scaled down."""
# A question may be repeated, whatever became of the first: it makes nothing.
RETRIES = (0.5, 1.5)
"""Seconds before each further attempt after no connection, no answer, 429 or 5xx."""
GO_ON = "`reelwork resume` asks again"


def _moderation_url(value: str) -> str:
    return service_address(value, "/moderations")


Score = Annotated[float, Field(gt=0, le=1)]
Categories = tuple[Annotated[str, Field(min_length=1)], ...]


class OpenaiModerationConfig(Config):
    """Settings of `openai-moderation`."""

    base_url: Annotated[str, AfterValidator(_moderation_url)] = "https://api.openai.com/v1"
    """The service's address, with or without `/v1` at the end."""
    api_key: SecretRef | None = None
    """Must be given unless the service is on this machine or in a private network."""
    model: Annotated[str, Field(min_length=1)] = "omni-moderation-latest"
    """Only models whose name begins with `omni` are shown pictures."""
    images: bool = True
    """Send pictures too: a job's reference pictures, and the thumbnail of a post."""
    frames: Annotated[int, Field(ge=0, le=32)] = 0
    """Frames of each finished video to send, one request each, before it is stored or posted. 0: the service does
    not look at videos."""
    block: Categories | None = None
    """Categories that are rejected when flagged. By default every one of omni-moderation that is in no other
    list."""
    hold: Categories = ()
    """Categories a person must look at when flagged; so is every category in no list."""
    ignore: Categories = ()
    """Categories that pass."""
    final: Categories = ("sexual/minors",)
    """Categories whose rejection no person can overrule."""
    thresholds: Mapping[str, Score] = {}
    """For a category, the score from which it counts as flagged, 0 to 1. What the service itself flags counts
    too."""
    timeout: Annotated[float, Field(gt=0)] = 20
    """Seconds for an answer, all attempts together."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        lists = {"block": set(self.block or ()), "hold": set(self.hold), "ignore": set(self.ignore)}
        for one, other in (("block", "hold"), ("block", "ignore"), ("hold", "ignore")):
            if twice := sorted(lists[one] & lists[other]):
                raise ValueError(f"{', '.join(twice)} is in {one} and in {other}: choose one of them")
        if useless := sorted(set(self.thresholds) & lists["ignore"]):
            raise ValueError(f"{', '.join(useless)} has a threshold and is in ignore: choose one of them")
        if self.frames and not self.shows_pictures:
            raise ValueError("frames are pictures: set images = true, and a model whose name begins with omni")
        if self.api_key is None and not is_private(self.base_url):
            host = urlsplit(self.base_url).hostname
            raise ValueError(f'{host} asks for a key: give api_key, for example "env:OPENAI_API_KEY"')
        return self

    @property
    def rejected(self) -> frozenset[str]:
        """Categories that are rejected when flagged."""
        return frozenset(CATEGORIES if self.block is None else self.block) - {*self.hold, *self.ignore}

    @property
    def shows_pictures(self) -> bool:
        """True if pictures are sent."""
        return self.images and self.model.startswith("omni")


@dataclass(frozen=True, slots=True)
class Finding:
    """The service's answer about one input: the categories that count as flagged, with the scores it gave."""

    flagged: bool
    scores: Mapping[str, float | None]
    known: Mapping[str, float] = field(default_factory=dict)
    """The scores of all categories, flagged or not."""
    about: str = ""
    """The input, in words."""

    def stops(self, names: Sequence[str]) -> bool:
        """Return whether one of these categories was flagged in it."""
        return not self.scores.keys().isdisjoint(names) or (self.flagged and not self.scores)


class OpenaiModeration(Plugin):
    """Asks a service that speaks OpenAI's `/v1/moderations` about each brief, prompt and post, and about videos.

    A flagged category rejects or holds, as the settings say. The negative prompt is not sent: it names what must
    *not* be seen.
    """

    Config = OpenaiModerationConfig
    config: OpenaiModerationConfig

    @property
    def moderates(self) -> tuple[Stage, ...]:  # type: ignore[override]
        """Also finished videos, if frames of them are asked for."""
        return tuple(Stage) if self.config.frames else Plugin.moderates

    @property
    def clip_frames(self) -> int:  # type: ignore[override]
        """As many as the settings say."""
        return self.config.frames

    @hookimpl
    async def pre_moderate(self, content: Content) -> Verdict | None:
        """Return a rejection before a hold before nothing at all; the reason names the categories.

        Raises `Unavailable` when the service gave no usable answer, which holds the job.
        """
        inputs = await self._inputs(content)
        if not inputs:
            return None
        try:
            async with asyncio.timeout(self.config.timeout):
                named = zip(inputs, input_names(content, pictures=self.config.shows_pictures), strict=True)
                findings = [replace(found, about=name) for one, name in named for found in await self._ask(one)]
        except TimeoutError:
            raise self._no_answer(f"gave no answer within {self.config.timeout:g} seconds") from None
        return judge(findings, self.config) or passed(findings, self.config)

    async def _inputs(self, content: Content) -> list[Any]:
        """Return the inputs, one for each request: the service takes one picture at a time."""
        pictures = content.images if self.config.shows_pictures else ()
        links = [await asyncio.to_thread(picture_link, path) for path in pictures]
        parts: list[list[dict[str, Any]]] = [[{"type": "image_url", "image_url": {"url": link}}] for link in links]
        if not content.text.strip():
            return list(parts)
        if not parts:
            return [content.text]
        return [[{"type": "text", "text": content.text}, *parts[0]], *parts[1:]]

    async def _ask(self, asked: Any) -> list[Finding]:
        headers = await self._headers()
        # None, after the last wait, marks the last attempt: whatever it brings is the answer.
        for wait in (*RETRIES, None):
            response = await self._posted(asked, headers, last=wait is None)
            if response is not None and not (wait is not None and _may_pass(response)):
                return self._read(response)
            await asyncio.sleep(wait or 0)
        raise AssertionError("the last attempt answers or raises")

    async def _headers(self) -> dict[str, str]:
        """Return the headers with the key. Raises `Unavailable` when it cannot be read."""
        if self.config.api_key is None:
            return {}
        try:
            key = await asyncio.to_thread(self.context.secret, self.config.api_key)
        except InvalidInput as error:
            # Held, like any other content that was not judged.
            raise Unavailable(f"moderation was not asked: {error.message}. Then {GO_ON}") from error
        return {"Authorization": f"Bearer {key}"}

    async def _posted(self, asked: Any, headers: Mapping[str, str], *, last: bool) -> HttpResponse | None:
        http = self.context.http(trust=[origin_of(self.config.base_url)])
        body = {"model": self.config.model, "input": asked}
        try:
            return await http.post(
                f"{self.config.base_url}/moderations", json=body, headers=headers, timeout=self.config.timeout
            )
        except (NotSent, OutcomeUnknown, Unavailable) as error:
            if last:
                raise self._no_answer(f"could not be asked: {error.message.rstrip('.')}") from error
            return None

    def _read(self, response: HttpResponse) -> list[Finding]:
        status = response.status_code
        if status in (401, 403):
            raise self._no_answer(f"answered {status}: check api_key ({self.config.api_key or 'none is set'})")
        if status != 200:
            raise self._no_answer(f"answered {status}{_said(response)}")
        try:
            return read_findings(response.json(), self.config.thresholds)
        except ValueError as error:
            raise self._no_answer(f"gave an answer that cannot be used: {error}") from error

    def _no_answer(self, what: str) -> Unavailable:
        return Unavailable(f"moderation at {self.config.base_url} {what}. {GO_ON}")


def _may_pass(response: HttpResponse) -> bool:
    return response.status_code in (408, 429) or response.status_code >= 500


def _said(response: HttpResponse) -> str:
    """Return the service's own words for an error, if it gave any."""
    try:
        data = response.json()
    except ValueError:
        return ""
    error = data.get("error") if isinstance(data, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    return f": {' '.join(message.split())}" if isinstance(message, str) else ""


def picture_link(path: Path) -> str:
    """Return a picture as a `data:` address, at most `PICTURE_SIDE` pixels wide and high. Blocks.

    Nothing but its pixels is sent. Raises `Unavailable` when it cannot be read.
    """
    import io

    from PIL import Image, ImageOps, UnidentifiedImageError

    # A picture that cannot be shown to the service cannot pass.
    try:
        with Image.open(path, formats=["JPEG", "PNG", "WEBP", "GIF"]) as image:
            small = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError) as error:
        raise Unavailable(f"moderation cannot read the picture {path.name}; {GO_ON}") from error
    small.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    # Pillow writes the comment of a JPEG along with the pixels. It may hold names, places or notes.
    small.info.clear()
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def read_findings(data: Any, thresholds: Mapping[str, float]) -> list[Finding]:
    """Return the results of an answer. Raises `ValueError` when it does not clearly say what was found.

    Servers other than OpenAI's leave out scores, and give null for a category or for all of them.
    """
    results = data.get("results") if isinstance(data, dict) else None
    if not isinstance(results, list) or not results:
        raise ValueError("it holds no results")
    return [_finding(result, thresholds) for result in results]


def _finding(result: Any, thresholds: Mapping[str, float]) -> Finding:
    flagged = result.get("flagged") if isinstance(result, dict) else None
    if not isinstance(flagged, bool):
        raise ValueError("a result does not say whether it is flagged")
    categories, scores = result.get("categories") or {}, result.get("category_scores") or {}
    if not isinstance(categories, dict) or not isinstance(scores, dict):
        raise ValueError("its categories or scores are no objects")
    if odd := [name for name, value in categories.items() if value is not None and not isinstance(value, bool)]:
        raise ValueError(f"its category {odd[0]!r} is neither true nor false")
    known = {str(name): _score(name, value) for name, value in scores.items() if type(value) in (int, float)}
    # A threshold without a score would let everything pass in silence.
    if missing := sorted(set(thresholds) - set(known)):
        raise ValueError(f"it gives no score for {', '.join(missing)}, which `thresholds` needs")
    over = [name for name, least in thresholds.items() if known[name] >= least]
    named = dict.fromkeys([*(str(name) for name, value in categories.items() if value is True), *over])
    return Finding(flagged or bool(named), {name: known.get(name) for name in named}, known)


def _score(name: str, value: float) -> float:
    """Return a score that can be compared. Raises `ValueError` for NaN and infinity."""
    # NaN is below every threshold, so it would let everything pass.
    try:
        score = float(value)
    except OverflowError:
        score = math.inf
    if not math.isfinite(score):
        raise ValueError(f"its score for {name!r} is no number")
    return score


def judge(findings: Sequence[Finding], config: OpenaiModerationConfig) -> Verdict | None:
    """Return the verdict that the settings give for everything that was found; None if nothing counts."""
    scores: dict[str, float | None] = {}
    for finding in findings:
        for name, score in finding.scores.items():
            scores[name] = max((one for one in (scores.get(name), score) if one is not None), default=None)
    counted = [name for name in scores if name not in config.ignore]
    rejected = [name for name in counted if name in config.rejected]
    # Also what is in no list: a category that nobody has heard of is for a person to judge.
    held = [name for name in counted if name not in rejected]
    if any(finding.flagged and not finding.scores for finding in findings):
        rejected.append("flagged")
    for names, verdict in ((rejected, Verdict.reject), (held, Verdict.hold)):
        if names:
            shown = ", ".join(_shown(name, scores.get(name)) for name in names)
            about = tuple(dict.fromkeys(one.about for one in findings if one.about and one.stops(names)))
            # Of a single input the stage says what it is.
            what = ", ".join(about) if len(findings) > 1 and about else "it"
            found = verdict(f"{config.model} flagged {what}: {shown}", *names)
            return found.replace(**_facts(names, scores, about, config))
    return None


def _facts(
    names: Sequence[str], scores: Mapping[str, float | None], about: tuple[str, ...], config: OpenaiModerationConfig
) -> dict[str, Any]:
    """Return what an appeal shows of a verdict, without what is not known."""
    facts = {
        "flagged": about,
        "scores": {name: score for name in names if (score := scores.get(name)) is not None and 0 <= score <= 1},
        "thresholds": {name: config.thresholds[name] for name in names if name in config.thresholds},
        "final": bool(config.rejected.intersection(names, config.final)),
    }
    return {name: fact for name, fact in facts.items() if fact}


WORDS = {Stage.CLIP: "the captions", Stage.POST: "the words of the post"}
"""The text that is judged, by stage; before a render it is the prompt."""


def input_names(content: Content, *, pictures: bool) -> list[str]:
    """Return what each of the inputs is, in words, in the order in which they are sent."""
    words = [WORDS.get(content.stage, "the prompt")] if content.text.strip() else []
    found = list(_picture_names(content)) if pictures else []
    if not words:
        return found
    return [" or ".join((*words, *found[:1])), *found[1:]]


def _picture_names(content: Content) -> Iterator[str]:
    thumbnail = content.stage is Stage.POST or (content.clip is not None and content.clip.thumbnail is not None)
    kind = "frame" if content.stage is Stage.CLIP else "reference picture"
    last = len(content.images) - thumbnail
    yield from (f"{kind} {number}" for number in range(1, last + 1))
    yield from ["the thumbnail"] * (len(content.images) - last)


def passed(findings: Sequence[Finding], config: OpenaiModerationConfig) -> Verdict | None:
    """Return a pass with the highest score of a category that counts; None where the service gave no scores."""
    scores = [value for one in findings for name, value in one.known.items() if name not in config.ignore]
    return Verdict.allow(min(max(scores), 1.0)) if scores and max(scores) >= 0 else None


def _shown(name: str, score: float | None) -> str:
    if name == "flagged":
        return "without naming a category"
    return name if score is None else f"{name} ({score:.2f})"
