"""What a template may name: the job's facts as plain values, so that nothing behind them can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reelwork_hooks import Job, Platform, Prompt

NAMES = (
    *("prompt", "negative_prompt", "title", "caption", "hashtags", "vars", "platform", "video", "destinations"),
    *("workflow", "provider", "brand", "row", "take", "takes", "date"),
)
"""The names that a template may use."""
DATE = ("year", "month", "day", "hour", "minute", "weekday", "week")


def variables(prompt: Prompt, job: Job) -> Mapping[str, Any]:
    """Return the names of a template with their values."""
    spec = job.spec
    return {
        "prompt": prompt.text,
        "negative_prompt": prompt.negative_text,
        "title": prompt.title,
        "caption": prompt.caption,
        "hashtags": list(prompt.hashtags),
        "vars": dict(job.brief.vars),
        "platform": _platform(job.platform),
        "video": {
            "width": spec.width,
            "height": spec.height,
            "aspect_ratio": spec.aspect_ratio,
            "resolution": spec.resolution,
            "duration": _number(spec.duration),
            "fps": spec.fps,
        },
        "destinations": {name: _destination(name, job) for name in {**job.accounts, **job.brief.destinations}},
        "workflow": job.workflow,
        "provider": job.provider,
        "brand": job.brand,
        "row": job.row,
        "take": job.take,
        "takes": job.takes,
        "date": _date(job.fired_at),
    }


def _platform(platform: Platform | None) -> Mapping[str, Any] | None:
    if platform is None:
        return None
    facts = platform.model_dump(
        include={"name", "aspect_ratio", "style", "title_limit", "caption_limit", "hashtag_limit"}
    )
    return {**facts, "longest_duration": _number(platform.longest_duration)}


def _destination(name: str, job: Job) -> Mapping[str, Any]:
    copy = job.brief.destinations.get(name)
    facts = ("aspect_ratio", "longest", "most_bytes")
    target = {fact: None if copy is None else getattr(copy, fact) for fact in facts}
    return {"account": job.accounts.get(name, ""), **target, "longest": _number(target["longest"])}


def _date(moment: datetime | None) -> Mapping[str, Any] | None:
    if moment is None:
        return None
    parts = (moment.year, moment.month, moment.day, moment.hour, moment.minute)
    values = (*parts, moment.isoweekday(), moment.isocalendar().week)
    return {"iso": moment.date().isoformat(), **dict(zip(DATE, values, strict=True))}


def _number(value: float | None) -> float | int | None:
    """Return `4.0` as 4, as a person writes it."""
    return int(value) if value is not None and value == int(value) else value
