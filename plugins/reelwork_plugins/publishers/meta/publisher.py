"""The common base of the publishers of Meta's networks: from a post to a container, and from that to the post."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    Answer,
    Asset,
    Candidate,
    Effect,
    Found,
    Idempotency,
    InvalidInput,
    Job,
    Listing,
    NotDone,
    NotSent,
    Page,
    Pending,
    Plugin,
    Post,
    Receipt,
    Rejected,
    Shown,
    Unavailable,
    errors_as,
    hookimpl,
    read_listing,
    text_at,
    time_of,
    value_at,
)
from reelwork_plugins.publishers.meta.containers import (
    DONE,
    UNKNOWN,
    Containers,
    Standing,
    may_try_again,
    unpublished,
)
from reelwork_plugins.publishers.meta.graph import NOTHING_POSTED, Graph, is_missing
from reelwork_plugins.publishers.meta.network import Network
from reelwork_plugins.publishers.meta.upload import send
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.upload_progress import upload_progress

FIRST_POLL, LONGEST_POLL = 5.0, 60.0
"""Seconds after which a container is asked, growing: once a minute, as Meta wants it."""
TRIES = 3
"""Containers of one post that are tried where Meta could not fetch or take the video."""
LINK_SECONDS = 6 * 3600.0
"""Seconds for which an address is good from which Meta fetches the video."""
MISSING_SECONDS = 900.0
"""Seconds for which a new post may be missing in the API."""
PAGE, MOST_PAGES = 50, 20


class ContainerPublisher(Plugin):
    """Publishes containers. What a network's text and fields are is its own."""

    network: ClassVar[Network]
    public = True
    idempotency = Idempotency.LOOKUP
    # Longer than a gateway waits: what may still publish the container has done so by then.
    settle_seconds = 120.0
    dated_lookups = False

    @abstractmethod
    def form(self, post: Post, job: Job) -> Mapping[str, str]:
        """Return the fields of a post's container, all but the video. Raises `Rejected`."""

    @abstractmethod
    def text(self, post: Post, job: Job) -> str:
        """Return the text of a post, as it is sent."""

    @property
    def api(self) -> Mapping[str, str]:
        """The account's values: `id`, and `service` where it is one of a simulator. Raises `InvalidInput`."""
        return own_account(self.context, str(self.config.account), self.network.name).read()

    @abstractmethod
    def base_url(self, values: Mapping[str, str]) -> str:
        """Return the address of the API, with its version."""

    def takes_bytes(self, values: Mapping[str, str]) -> bool:
        """Return whether the network takes the video's bytes from this account, and needs no address of it."""
        return False

    def _containers(self) -> Containers:
        values = self.api
        graph = Graph(self.context, self.network.name, self.base_url(values), str(self.config.account))
        return Containers(self.network, graph, values["id"], self.context.state)

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Make a container and fill it, then wait until it can be published. Nobody sees it.

        Raises `Rejected`, `OutOfFunds` or `Unavailable`.
        """
        kept = job.pending.state if job.pending is not None else None
        state = kept if isinstance(kept, Mapping) else {}
        containers = self._containers()
        if "container" not in state:
            return await self._begun(containers, post, job, int(str(state.get("tries", 0))))
        return await self._filled(containers, state)

    async def _begun(self, containers: Containers, post: Post, job: Job, tries: int) -> Pending:
        video, form = post.clip.video, dict(self.form(post, job))
        if not video.media_type.startswith("video/"):
            raise Rejected(f"{self.network.name}: {video.media_type} is not a video.", money=NOTHING_POSTED)
        # A limit that cannot be read stands in nobody's way: publishing is refused where it is used up.
        with suppress(Rejected):
            await containers.room()
        takes_bytes = self.takes_bytes(self.api)
        if takes_bytes:
            form["upload_type"] = "resumable"
        else:
            form["video_url"] = await self.address_of(video)
        container, place = await containers.create(form)
        if takes_bytes:
            await self._send(containers.graph, place, video, job)
        made = {"container": container, "made_at": self.context.now().isoformat(timespec="seconds")}
        return Pending(after=FIRST_POLL, state={**made, "after": FIRST_POLL, "tries": tries})

    async def _send(self, graph: Graph, place: str, video: Asset, job: Job) -> None:
        """Send the bytes into a container. They may be sent again, into this one or another."""
        values, account = self.api, str(self.config.account)
        show = upload_progress(self.context, job, f"uploading to {self.network.title}", video.bytes)
        answer = await send(graph, account, self.upload_address(values, place), video, show)
        if not answer.ok or answer.at("success") is not True:
            raise graph.refusal(answer, "the upload")

    async def address_of(self, video: Asset) -> str:
        """Return an address from which Meta can fetch a video. Raises `InvalidInput` where storage gives none."""
        return await self.context.public_url(video, LINK_SECONDS)

    def upload_address(self, values: Mapping[str, str], place: str) -> str:
        """Return where bytes go, if that is the network's own. Raises `Unavailable`."""
        raise Unavailable(f"{self.network.name}: the network takes no bytes")

    async def _filled(self, containers: Containers, state: Mapping[str, Any]) -> JsonValue | Pending:
        container, tries = str(state["container"]), int(str(state.get("tries", 0)))
        standing = await containers.standing(container)
        match standing.word:
            case "FINISHED" | "PUBLISHED":
                return {"container": container, "made_at": state.get("made_at", "")}
            case "IN_PROGRESS":
                after = min(float(str(state["after"])) * 1.5, LONGEST_POLL)
                return Pending(after=after, state={**state, "after": after})
        if (standing.word == UNKNOWN or may_try_again(standing)) and tries + 1 < TRIES:
            return Pending(after=FIRST_POLL, state={"tries": tries + 1})
        raise Rejected(self._failed(standing), code=standing.word, money=NOTHING_POSTED)

    def _failed(self, standing: Standing) -> str:
        return (
            f"{self.network.name}: {self.network.title} could not use the video: {standing.why or standing.word}."
        )

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Publish the container, once.

        Raises `NotSent` or `Rejected` where nothing was posted, `AlreadyThere` or `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        with errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED):
            containers = self._containers()
        return self._receipt(await containers.publish(str(prepared["container"])), prepared, post)

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone | Listing[Receipt]:
        """Ask the container, which says whether it was published; when it is forgotten, list the posts.

        Raises `Unavailable`.
        """
        containers, prepared = self._containers(), effect.prepared
        if not isinstance(prepared, Mapping):
            return await self._listing(containers, post, job, effect, "")
        container = str(prepared["container"])
        standing = await containers.standing(container)
        if standing.word == DONE:
            # Known by the container until its post is found: two posts may look alike, two containers do not.
            id_ = await containers.post_of(container) or container
            return Found.one(self._receipt(id_, prepared, post))
        if standing.word == UNKNOWN:
            return await self._listing(containers, post, job, effect, container)
        told = unpublished(standing)
        # Both must agree before it is sent again: a status may lag behind what was posted.
        if told.final and await self._alike(containers, post, job, prepared.get("made_at")):
            return NotDone(why=f"{told.why}, and a post with its text is there")
        return told

    def _receipt(self, id_: str, prepared: Mapping[str, Any], post: Post) -> Receipt:
        details = {"container": str(prepared["container"]), "made_at": str(prepared.get("made_at", ""))}
        return Receipt(id=id_, details=details, state="processing", disclosure=self.label_sent(post))

    def label_sent(self, post: Post) -> Shown | None:
        """Return the label for AI that was sent; None where the network has none."""
        return None

    async def _listing(
        self, containers: Containers, post: Post, job: Job, effect: Effect, container: str
    ) -> Listing[Receipt]:
        """List the account's posts, newest first."""
        sent, field = self.text(post, job), self.network.text

        async def page_at(after: str | None) -> Page:
            read = await self._page(containers, after)
            entries = [(one, await containers.container_of(text_at(one, "id"))) for one in read.at("data")]
            more = read.text_at("paging", "cursors", "after") if read.text_at("paging", "next") else ""
            return Page(read, entries, more or None)

        def candidate(entry: tuple[Any, str]) -> Candidate[Receipt] | None:
            one, was = entry
            if not (id_ := text_at(one, "id")):
                return None
            listed = value_at(one, field)
            words = {"caption": post.caption if listed == sent else str(listed)} if listed is not None else {}
            # Only what was noted tells which container a post was.
            ref = None if not was else effect.key if was == container else f"container {was}"
            receipt = Receipt(id=id_, url=text_at(one, "permalink"))
            return Candidate(receipt, ref, fields=words, created_at=time_of(text_at(one, "timestamp")))

        return await read_listing(page_at, candidate, of="the account's list of posts", most_pages=MOST_PAGES)

    async def _page(self, containers: Containers, after: str | None = None) -> Answer:
        path, more = f"{containers.user}/{self.network.posts}", {"after": after} if after else {}
        fields = f"id,timestamp,permalink,{self.network.text}"
        read = await containers.graph.read(path, "the list of posts", fields=fields, limit=PAGE, **more)
        if not isinstance(read.at("data"), list):
            raise Unavailable(f"{self.network.name}: the list of posts was answered with something else")
        return read

    @hookimpl
    async def follow_post(self, post: Post, job: Job, receipt: Receipt) -> Receipt | Pending:
        """Read the post's address and its label back. Raises `Unavailable`."""
        containers = self._containers()
        id_, container = receipt.id, str(receipt.details.get("container", ""))
        is_new = self.context.now() - (receipt.at or job.created_at) < timedelta(seconds=MISSING_SECONDS)
        if id_ == container:
            id_ = await containers.post_of(container)
            alike = [] if id_ else await self._alike(containers, post, job, receipt.details.get("made_at"))
            # Of two that look alike, neither is taken for ours.
            id_ = id_ or (alike[0] if len(alike) == 1 else "")
            if not id_:
                told = {"reason": f"{self.network.title} did not say which post it is"}
                return Pending(after=LONGEST_POLL) if is_new else receipt.replace(state="live", details=told)
            await containers.note(container, id_)
        read = await self._post(containers, id_)
        if read is None:
            gone = {"reason": f"{self.network.title} no longer shows it"}
            return Pending(after=LONGEST_POLL) if is_new else receipt.replace(state="removed", details=gone)
        renamed = {"id": id_, "replaces": receipt.id} if id_ != receipt.id else {}
        shown = self.label_read(read, post)
        label = {"disclosure": shown} if shown is not None else {}
        return receipt.replace(url=read.text_at("permalink"), state="live", **renamed, **label)

    def label_read(self, read: Answer, post: Post) -> Shown | None:
        """Return the label for AI that the network shows; None where it has none."""
        return None

    async def _post(self, containers: Containers, id_: str) -> Answer | None:
        """Read a post; None where there is none."""
        graph = containers.graph
        answer = await graph.get(f"{graph.base_url}/{id_}", {"fields": self.network.fields})
        if is_missing(answer):
            return None
        if not answer.ok or answer.text_at("id") != id_:
            raise graph.refusal(answer, "reading the post")
        return answer

    async def _alike(self, containers: Containers, post: Post, job: Job, made_at: object) -> list[str]:
        """Return the newest posts with our text that are no other container's and no older than ours."""
        read, sent = await self._page(containers), self.text(post, job)
        # No post is older than its container. The two clocks may differ by a little.
        since = (time_of(made_at) or job.created_at) - timedelta(minutes=5)
        fits = []
        for one in read.at("data"):
            at, id_ = time_of(text_at(one, "timestamp")), text_at(one, "id")
            is_ours = value_at(one, self.network.text) in (sent, *([None] if not sent else []))
            if is_ours and at is not None and at > since and id_ and not await containers.container_of(id_):
                fits.append(id_)
        return fits
