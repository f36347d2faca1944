"""The events of jobs, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reelwork.cli.views.text import count
from reelwork.engine.events import Happening
from reelwork.planning.refusals import subject_of

ENDS = {"post-failed": "failed", "post-held": "is held", "post-rejected": "was rejected"}


def held_words(holders: Mapping[str, int]) -> str:
    """Return a sentence about jobs that other processes hold."""
    jobs, pids = sum(holders.values()), [owner.partition("-")[0] for owner in holders]
    who = f"{'process' if len(pids) == 1 else 'processes'} {', '.join(pids)}"
    are, them = ("is", "it") if jobs == 1 else ("are", "them")
    end = "that process ends" if len(pids) == 1 else "they end"
    held = f"{count(jobs, 'job')} {are} being worked on by {who}"
    return f"{held}: this command waits for {them}, and takes over if {end}. Ctrl-C is safe."


def told_of(happening: Happening) -> str:
    """Return an event in plain words; empty if it is not worth a line."""
    details: dict[str, Any] = dict(happening.details)
    reason = details.get("reason", "")
    destination = details.get("destination", "")
    match happening.name:
        case "submitted":
            return f"{happening.data.provider} accepted it as {details.get('remote_id')}"
        case "found":
            return f"found at {happening.data.provider} as {details.get('remote_id')}; not paid for again"
        case "rendered" | "downloaded" | "done":
            return happening.name
        case "manifest-lost":
            return f"{details.get('plugin')}: {reason}"
        case "published":
            return f"published to {destination}"
        case "followed" if details.get("state"):
            return f"{destination}: the post is {details['state']}"
        case "followed":
            return str(reason)
        case "review-asked":
            return f"the post to {destination} waits for a review"
        case "overruled":
            return f"a person has overruled {details.get('plugin')} about {subject_of(details['stage'])}"
        case "review-expired" if details.get("appeal"):
            return f"nobody decided about the appeal against {details.get('plugin')} in time; its refusal stands"
        case "review-expired":
            return f"nobody reviewed the post to {destination} in time; it is not made"
        case "post-failed" | "post-held" | "post-rejected":
            return f"the post to {destination} {ENDS[happening.name]}: {reason.removeprefix(f'{destination}: ')}"
        case "failed" | "held" | "rejected":
            # Of moderation, the reason says it: the brief is rejected by a plugin.
            said = reason.startswith(happening.name) or f" is {happening.name} " in reason
            return reason if said else f"{happening.name}: {reason}"
    return ""
