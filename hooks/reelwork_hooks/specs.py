"""The hooks, with their exact signatures. An implementation may leave out arguments it does not need.

Mark an implementation with `@hookimpl`. It may be `def`, which runs in a thread, or `async def`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pluggy
from pydantic import JsonValue

from reelwork_hooks.effects import Absent, Effect, Found, Listing, NotDone, Unsure
from reelwork_hooks.models import (
    Brief,
    Clip,
    Content,
    Job,
    JobEvent,
    Pending,
    Platform,
    Post,
    Problem,
    Prompt,
    Receipt,
    Verdict,
)
from reelwork_hooks.provider import Provider
from reelwork_hooks.webhooks import WebhookScheme

# pluggy marks implementations with an attribute of this name (`reelwork_impl`): another name unhooks every package
# that was built against this contract.
PROJECT = "reelwork"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def check_brief(brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
    """Return what stands in the way of this job, a `Problem` each; nothing, or None, if all is well.

    Called by `plan` and `run` for each new job, before anything is sent. One problem in one row stops them all:
    nothing is made. A pure check: it must not reach out, write or cost anything, and answers the same each time.
    A publisher also gets the post that it would make, with a video that is not made yet: what is not known of it
    is None. `post` is None for all others, and for a job that is not posted there.
    A plugin that raises or runs over its time stops them too, and is named.
    """
    raise NotImplementedError


@hookspec
def pre_moderate(content: Content, job: Job) -> Verdict | None:
    """Decide whether content may pass. Called for the brief, for the final prompt and for each post.

    Also called for the finished video, before it is signed or stored, if `Plugin.moderates` has `Stage.CLIP`.

    Return `Verdict.hold(…)` or `Verdict.reject(…)` to stop it, `Verdict.allow()` or None to let the next plugin
    decide. The first veto stops. A plugin that raises or runs over its time holds the job: nothing is
    spent or posted.
    """
    raise NotImplementedError


@hookspec
def prompt_transform(prompt: Prompt, job: Job) -> Prompt | None:
    """Change the prompt, or the copy that goes with it, for the job's platform.

    Each plugin gets what the one before returned. Return None to leave it unchanged. A plugin that fails
    fails the job before any money is spent.
    """
    raise NotImplementedError


@hookspec
def post_download(clip: Clip, job: Job) -> Clip | Pending | None:
    """Finish, sign or store a downloaded clip.

    Each plugin gets what the one before returned. Return None to leave it unchanged, `Pending` to be called again
    later. May be called again after a crash. A plugin that fails stops the job with its download kept; the job
    resumes at that plugin.
    """
    raise NotImplementedError


@hookspec
def prepare_publish(post: Post, job: Job) -> JsonValue | Pending:
    """Do what may be repeated before a post goes out, such as an upload.

    Return `Pending` while the destination still processes it. Any other answer is stored before going on and given
    to `publish` as `effect.prepared`. After `Unavailable` or `NotSent` it is called again in a while, some six
    times unless they say `retry_after`; `OutOfFunds` holds the post, and what else is raised fails it.
    """
    raise NotImplementedError


@hookspec
def publish(post: Post, job: Job, effect: Effect) -> Receipt:
    """Make the post, once, and return its receipt.

    Called after the ledger has committed that it may have left. Raise `NotSent` with proof that nothing
    went out, `Rejected` when the destination refused. Anything else that is raised leaves the outcome
    unknown, and the post is not tried again blindly. Other destinations are not affected.
    """
    raise NotImplementedError


@hookspec
def find_post(
    post: Post, job: Job, effect: Effect
) -> Found[Receipt] | Listing[Receipt] | NotDone | Absent | Unsure:
    """Look up this effect's post.

    Best answer with a `Listing` of all that is there: the ledger compares. `Absent` only from a complete listing.
    Also called right before and right after the first posts, to find out how fresh the list is, unless
    `dated_lookups` is False.
    """
    raise NotImplementedError


@hookspec
def follow_post(post: Post, job: Job, receipt: Receipt) -> Receipt | Pending:
    """Report the state of a post that the destination accepted: its processing, its address, its AI label.

    Called after `publish`, until it returns a `Receipt`; `Pending` while the destination still processes it. It
    must not post anything. What it raises changes nothing about the post: it is called again for a while, then the
    job ends with what is known.
    """
    raise NotImplementedError


@hookspec
def job_event(event: JobEvent) -> None:
    """Observe what happens to jobs. What it raises is logged; nothing waits for it."""


@hookspec
def register_providers() -> Mapping[str, type[Provider]]:
    """Return a package's providers by name. A static method or a module's function: no instance is made."""
    raise NotImplementedError


@hookspec
def register_platforms() -> Iterable[Platform]:
    """Return a package's platforms. A static method or a module's function: no instance is made."""
    raise NotImplementedError


@hookspec
def register_webhooks() -> Mapping[str, type[WebhookScheme]]:
    """Return a package's schemes of webhooks by name. A static method or a module's function, as above."""
    raise NotImplementedError
