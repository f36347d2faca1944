"""The events of jobs: every name, when it happens, and the details it carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EventKind:
    """One name of an event. Later versions may add names and details: ignore those you do not know."""

    when: str
    details: Mapping[str, str] = field(default_factory=dict)
    """What `JobEvent.details` may hold, each with its meaning. Its values are JSON."""


_REASON = {"reason": "why, in words"}
_POST = {"destination": "the publisher's instance", **_REASON}
_REVIEWED = {
    "destination": "of a post: the publisher's instance",
    "appeal": "true for an appeal; else left out",
    "stage": "of an appeal: brief, prompt, clip or post",
    "plugin": "of an appeal: the instance that rejected it",
}
_FOUND = {"remote_id": "the provider's id of the render"}

EVENTS: Mapping[str, EventKind] = {
    "approved": EventKind(
        "A text or a video passed, because a person had approved it.", {"stage": "brief, prompt, clip or post"}
    ),
    "moderated": EventKind(
        "A moderation plugin saw the finished video and let it pass.",
        {"plugin": "the instance", "stage": "clip"},
    ),
    "verdict": EventKind(
        "A moderation plugin held or rejected a text or a video. Or Reelwork held a video that differs from what "
        "was asked for, or that could not be shown to a plugin.",
        {
            "decision": "hold or reject",
            "plugin": "the instance that decided, or reelwork",
            **_REASON,
            "categories": "the plugin's words for the kind of problem",
            "stage": "brief, prompt or clip; left out for a post",
            "destination": "of a post: the publisher's instance",
            "content": "a fingerprint of what was judged; an approval covers only this",
            "flagged": "the inputs that were flagged, in words; left out where that is all of them",
            "scores": "of the categories that stopped it; left out where they are not known",
            "thresholds": "the scores from which categories are stopped; left out where none are set",
            "final": "true if no person can overrule it; else left out",
        },
    ),
    "overruled": EventKind(
        "A moderation plugin was not asked, because a person had overruled its rejection of just this.",
        {"plugin": "the instance", "stage": "brief, prompt or clip"},
    ),
    "submitted": EventKind("The provider accepted the request.", _FOUND),
    "found": EventKind(
        "A request whose answer was lost was found at the provider. It is not paid for again.", _FOUND
    ),
    "rendered": EventKind("The provider has finished the video."),
    "downloaded": EventKind("The video is on this machine.", {"sha256": "of the file"}),
    "not-as-asked": EventKind("The video differs from what was asked for.", {"reason": "what differs"}),
    "manifest-found": EventKind(
        "The file has a C2PA manifest of its provider.",
        {
            "state": "valid, invalid or unchecked",
            "signer": "the name in its certificate",
            "reason": "what is wrong",
        },
    ),
    "manifest-lost": EventKind(
        "A plugin changed the video, which removed the provider's C2PA manifest, and no plugin signs it again.",
        {"plugin": "the instance", **_REASON},
    ),
    "finished": EventKind("A `post_download` plugin has finished.", {"plugin": "the instance"}),
    "new-render": EventKind("A new render is about to be requested.", {"generation": "its number, from 1"}),
    "waiting": EventKind(
        "The job, or one of its posts, waits for something.",
        {"destination": "of a post: the publisher's instance", **_REASON},
    ),
    "retry": EventKind("A step failed and is tried again.", {**_REASON, "wait": "seconds until then"}),
    "published": EventKind(
        "A post was made.",
        {
            "destination": "the publisher's instance",
            "url": "the post's address",
            "found": "true if a lookup found it after its answer was lost",
        },
    ),
    "followed": EventKind(
        "The state of a post at its network is known, or is no longer checked.",
        {
            **_POST,
            "state": "processing, live, private, failed or removed; empty if that is not known",
            "url": "the post's address",
            "label": "true if the network shows its AI label, false if not; left out if that is not known",
        },
    ),
    "review-asked": EventKind(
        "A person is asked to approve a post before it is made.",
        {
            **_POST,
            "expires_at": "when the review ends (UTC)",
            "seen": "the hash of what is shown: words, options, files and account",
        },
    ),
    "review-reminder": EventKind(
        "A review, or an appeal, has waited for as long as `[review] remind` says.",
        {**_REVIEWED, "expires_at": "when it ends (UTC)"},
    ),
    "review-expired": EventKind(
        "Nobody has reviewed a post in time, and it is not made. Or nobody has decided about an appeal in time, "
        "and the rejection stands.",
        _REVIEWED,
    ),
    "post-failed": EventKind("A post failed and can be tried again with `reelwork resume`.", _POST),
    "post-held": EventKind("A post waits for a person.", _POST),
    "post-rejected": EventKind("A post was rejected, by moderation or by its destination.", _POST),
    "failed": EventKind("The job stopped.", _REASON),
    "held": EventKind("The job waits for a person.", _REASON),
    "rejected": EventKind("The job was rejected, by moderation or by the provider.", _REASON),
    "done": EventKind("The job is done."),
}
"""Those that `job_event` observes."""

_BY = {"by": "who did it"}

OUTSIDE: Mapping[str, EventKind] = {
    "resumed": EventKind("The job continues with `reelwork resume`."),
    "corrected": EventKind("A batch was run again, and the job's row has changed."),
    "cancelled": EventKind(
        "The job was cancelled, by a person or because its row was given back to its schedule.", _REASON
    ),
    "decided": EventKind(
        "A person approved or rejected a held job, or settled a request whose outcome was unknown.",
        {
            "decision": "approved, rejected, it happened, or it did not happen",
            "act": "the request; left out for a held job",
            "remote_id": "the id that the person gave",
            **_BY,
        },
    ),
    "reconciled": EventKind(
        "`reelwork reconcile` found the outcome of a request.", {"act": "the request", **_REASON}
    ),
    "reviewed": EventKind(
        "A person answered a review.",
        {
            "decision": "approved, rejected or redo",
            **_BY,
            "seen": "of each destination, the hash of what was shown",
            "reason": "of a rejection: why",
            "appeals": "the appeals it is about, each with stage, plugin and destination; left out without any",
        },
    ),
    "appealed": EventKind(
        "A person has appealed against a rejection by moderation. It waits for another's decision.",
        {
            **_BY,
            "because": "why, in that person's words",
            "stage": "brief, prompt, clip or post",
            "destination": "of a post: the publisher's instance",
            "plugin": "the instance that rejected it",
            "content": "the fingerprint of what was judged",
            "expires_at": "when the appeal ends (UTC)",
        },
    ),
    "edited": EventKind(
        "A person changed a post that waits for a review.",
        {
            **_BY,
            "changes": "of each destination, each field before and after",
            "approved": "true if approved as well",
        },
    ),
    "moved": EventKind(
        "A post was moved to another time.",
        {"destination": "the publisher's instance", "to": "its new time (UTC)", **_BY},
    ),
    "cost-refused": EventKind("A provider reported a cost that is not a valid amount.", _REASON),
}
"""Those that people make, or that come while no step of the job runs.

They stand in a job's story and go to webhooks; `job_event` is not called for them.
"""
