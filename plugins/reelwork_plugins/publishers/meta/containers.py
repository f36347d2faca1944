"""A post as a container: made and filled while the post is prepared, published once, and asked what became of it.

https://developers.facebook.com/docs/instagram-platform/content-publishing
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reelwork_hooks import (
    AlreadyThere,
    InvalidInput,
    NotDone,
    Note,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Rejected,
    State,
    Unavailable,
    errors_as,
    number_of,
)
from reelwork_plugins.publishers.meta.graph import NOTHING_POSTED, Graph, is_missing
from reelwork_plugins.publishers.meta.network import Network

READY, WORKING, DONE = "FINISHED", "IN_PROGRESS", "PUBLISHED"
FAILED, EXPIRED, UNKNOWN = "ERROR", "EXPIRED", "UNKNOWN"
# The video is good, and did not arrive.
_FETCHING = ("2207003", "2207052", "2207001", "2207053", "FAILED_DOWNLOADING_VIDEO", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of a container."""

    word: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Containers:
    """The containers of one account."""

    network: Network
    graph: Graph
    user: str
    state: State

    async def create(self, form: Mapping[str, str]) -> tuple[str, str]:
        """Make a container, which nobody sees; return its id, and where its bytes go. Raises as `read` does."""
        path = f"{self.user}/{self.network.create}"
        answer = await self.graph.write(path, form, repeatable=True)
        container = answer.text_at("id")
        if not answer.ok or not container:
            raise self.graph.refusal(answer, "making the container")
        return container, answer.text_at("uri")

    async def standing(self, container: str) -> Standing:
        """Return the status of a container. Raises `Unavailable`."""
        fields = f"{self.network.status},{self.network.why}"
        answer = await self.graph.get(f"{self.graph.base_url}/{container}", {"fields": fields})
        if is_missing(answer):
            return Standing(UNKNOWN, "the network does not know the container")
        word = answer.text_at(self.network.status)
        if not answer.ok or word not in (READY, WORKING, DONE, FAILED, EXPIRED):
            with errors_as(Unavailable, (Rejected, OutOfFunds)):
                raise self.graph.refusal(answer, "the status of the container")
        return Standing(word, answer.text_at(self.network.why))

    async def room(self) -> None:
        """Ask whether the day has room for another post. Raises `OutOfFunds`, and `Unavailable`."""
        used, most = await self.used()
        if most is not None and used >= most:
            problem = f"{self.network.name}: {used:g} of {most:g} posts of the last 24 hours are used"
            raise OutOfFunds(problem, money=NOTHING_POSTED, hint="Resume the job tomorrow.")

    async def used(self) -> tuple[float, float | None]:
        """Return the posts of the last 24 hours, and the most there may be; None where that is not told."""
        path = f"{self.user}/{self.network.limit}"
        read = await self.graph.read(path, "the limit of posts", fields="quota_usage,config")
        used = number_of(read.at("data", 0, "quota_usage")) or 0.0
        return used, number_of(read.at("data", 0, "config", "quota_total"))

    async def publish(self, container: str) -> str:
        """Publish a container, once; return the id of the post.

        Raises `AlreadyThere`, `NotSent`, `Rejected` or `OutcomeUnknown`.
        """
        # Trouble with the account or the status comes up before the post leaves, or after it was turned away.
        with (
            errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED),
            errors_as(NotSent, Unavailable, money=NOTHING_POSTED),
        ):
            _check_unpublished(self.network.name, await self.standing(container))
            answer = await self.graph.write(f"{self.user}/{self.network.publish}", {"creation_id": container})
        post = answer.text_at("id")
        if answer.ok and post:
            await self.note(container, post)
            return post
        # Meta may post without saying what it made. The container tells.
        if answer.ok:
            raise OutcomeUnknown(f"{self.network.name}: publishing was answered without an id")
        raise self.graph.unposted(answer, "publishing")

    # Only to know later which post is whose: what is lost here costs an address, never a second post.
    async def note(self, container: str, post: str) -> None:
        """Note which post a container has become."""
        for key, value in ((f"container {container}", post), (f"post {post}", container)):
            note = Note(self.state, key)
            await note.write({"id": value}, was=await note.read())

    async def post_of(self, container: str) -> str:
        """Return the post that a container has become; empty where that is not known."""
        return await self._noted(f"container {container}")

    async def container_of(self, post: str) -> str:
        """Return the container that a post was; empty where that is not known."""
        return await self._noted(f"post {post}")

    async def _noted(self, key: str) -> str:
        kept = await Note(self.state, key).read()
        return str(kept["id"]) if kept else ""


def _check_unpublished(network: str, standing: Standing) -> None:
    """Raise what it means that a container cannot be published now."""
    told = f"{network}: the container is {standing.word}{f' ({standing.why})' if standing.why else ''}"
    match standing.word:
        case "FINISHED":
            return
        case "PUBLISHED":
            raise AlreadyThere(f"{network}: the container has been published")
        case "IN_PROGRESS":
            raise NotSent(told, retry_after=30.0, money=NOTHING_POSTED)
        case "ERROR" | "EXPIRED":
            # Both say that it was not published, and never will be.
            raise NotSent(told, prepare_again=True, money=NOTHING_POSTED)
    # It may have been published long ago, and be forgotten since.
    raise OutcomeUnknown(told)


def unpublished(standing: Standing) -> NotDone:
    """Return what a container says that is not published."""
    told = f"the container is {standing.word}"
    return NotDone(final=standing.word in (READY, FAILED, EXPIRED), why=told)


def may_try_again(standing: Standing) -> bool:
    """Return whether another container may do better."""
    return standing.word == EXPIRED or any(code in standing.why for code in _FETCHING)
