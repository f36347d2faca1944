"""The time at which Reelwork makes a post, where one is set."""

from __future__ import annotations

from datetime import datetime

from reelwork.planning.job_state import JobData
from reelwork.plugins.pipeline import Pipeline
from reelwork_hooks.models import Brief


def time_in(pipeline: Pipeline, brief: Brief, destination: str) -> datetime | None:
    """Return the time that a brief sets for a post; None if it is to be made as soon as it is ready."""
    own = brief.destinations.get(destination)
    if own is None or own.publish_at is None:
        return brief.publish_at
    # A network that can wait by itself gets the post at once, and shows it then.
    return None if is_handed_over(pipeline, destination) else own.publish_at


def time_of(pipeline: Pipeline, data: JobData, destination: str) -> datetime | None:
    """Return the time for which a job's post is meant: its own, or else that of its schedule's slot."""
    own = data.words.destinations.get(destination)
    given = data.words.publish_at is not None or (own is not None and own.publish_at is not None)
    return time_in(pipeline, data.words, destination) if given else data.post_at


def is_handed_over(pipeline: Pipeline, destination: str) -> bool:
    """Return whether a destination keeps a post until its time by itself."""
    return "publish_at" in pipeline.instances[destination].post_fields


def in_words(at: datetime) -> str:
    """Return a time for a person, with its offset."""
    return f"{at:%a %Y-%m-%d %H:%M} (UTC{at:%z})"
