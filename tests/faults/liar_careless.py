"""Mistakes built in on purpose at the services that plugins come for: in the plugin, or in the ledger behind it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from liar_mutants import ALONE, LOSES, Mistake, Scene, needs_no_control, replaced, sends_again_blindly
from liar_traits import Lie

from reelwork_hooks import NotSent, OutcomeUnknown
from reelwork_plugins.providers.fal.provider import Fal
from reelwork_plugins.providers.kling.provider import Kling
from reelwork_plugins.publishers.mastodon import Mastodon
from reelwork_plugins.publishers.youtube import Youtube

SENDS = LOSES, ALONE[-1], ALONE[-1]


def _takes_lost_for_unsent(kind: type[Any], name: str) -> AbstractContextManager[Any]:
    plain: Callable[..., Any] = getattr(kind, name)

    async def careless(self: Any, *given: Any) -> Any:
        try:
            return await plain(self, *given)
        except OutcomeUnknown as error:
            raise NotSent(error.message, retry_after=2.0) from error

    return replaced(kind, **{name: careless})


def mastodon_takes_a_lost_answer_for_none_sent() -> AbstractContextManager[Any]:
    """A post whose answer was lost counts as one that never left."""
    return _takes_lost_for_unsent(Mastodon, "publish")


def fal_takes_a_lost_answer_for_none_sent() -> AbstractContextManager[Any]:
    """The same of a request."""
    return _takes_lost_for_unsent(Fal, "submit")


def kling_takes_a_lost_answer_for_none_sent() -> AbstractContextManager[Any]:
    """The same of a task."""
    return _takes_lost_for_unsent(Kling, "submit")


def youtube_begins_another_session() -> AbstractContextManager[Any]:
    """Each attempt has an upload of its own, whatever became of the one before."""
    plain = Youtube._session

    async def anew(self: Youtube, post: Any, job: Any, *, repeat: bool, attempt: int = 1) -> Any:
        if attempt > 1:
            await self._note(post, job).forget()
        return await plain(self, post, job, repeat=repeat)

    return replaced(Youtube, _session=anew)


def _at(connection: str, mistake: Mistake, *lies: tuple[str, str]) -> Scene:
    return Scene(mistake, tuple(Lie(*one) for one in lies), SENDS, connection=connection)


# What refuses a second post of an upload, or a second task of an id, would hide the mistake.
POSTS_AGAIN = ("an upload posted again", "is left out")
TAKES_AGAIN = ("an id of ours that is taken", "is taken again")
EMPTY = ("list cut", "none at all")
SCENES = (
    _at("mastodon", mastodon_takes_a_lost_answer_for_none_sent, POSTS_AGAIN),
    _at("mastodon", sends_again_blindly, POSTS_AGAIN),
    _at("mastodon", needs_no_control, POSTS_AGAIN, EMPTY),
    _at("youtube", youtube_begins_another_session, ("a session that has made its video", "answers 503")),
    _at("fal", fal_takes_a_lost_answer_for_none_sent),
    _at("fal", needs_no_control, EMPTY),
    _at("kling", kling_takes_a_lost_answer_for_none_sent, TAKES_AGAIN),
    _at("kling", needs_no_control, TAKES_AGAIN, EMPTY, ("asked by our id", "is never found")),
)
