"""`linkedin`: posts videos to LinkedIn, as a person or for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    Brief,
    Context,
    Credentials,
    Effect,
    HttpProgress,
    Idempotency,
    InvalidInput,
    Job,
    Listing,
    Note,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Pending,
    Plugin,
    Post,
    Problem,
    Receipt,
    ReelworkError,
    Rejected,
    StoredAccount,
    Tokens,
    Unavailable,
    errors_as,
    hookimpl,
)
from reelwork_plugins.publishers.linkedin.api import Api, first_post, unposted
from reelwork_plugins.publishers.linkedin.checks import VIDEO, brief_problems, check_post, check_video
from reelwork_plugins.publishers.linkedin.config import NOTHING_POSTED, LinkedinConfig, LinkedinOptions
from reelwork_plugins.publishers.linkedin.listing import posts_of, receipt_of
from reelwork_plugins.publishers.linkedin.sign_in import API, home_of, is_page, oauth_of, problems_of, who_signed_in
from reelwork_plugins.publishers.linkedin.text import commentary, escaped, title
from reelwork_plugins.publishers.linkedin.videos import Part, State, Videos
from reelwork_plugins.publishers.noted_keys import note_key
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.planned import cut_caption, refusal_of
from reelwork_plugins.publishers.upload_progress import upload_progress

TRIES = 3
"""Uploads of one post that are begun where one does not come to its end."""
PARTS = 8
"""Parts that are sent in one call: what has arrived is then on disk."""
FIRST_POLL, LONGEST_POLL = 5.0, 60.0
"""Seconds after which LinkedIn is asked how far it is with a video, growing."""
# What may still make a post after an answer was lost has done so by then.
SETTLE_SECONDS = 300.0
# The clocks may differ, and a part takes its time.
SPARE_SECONDS = 300.0


class Linkedin(Plugin):
    """Posts the clip to LinkedIn, as a person or for a page; says by default, in its text, that AI made it.

    The video is uploaded first, which nobody sees. One request then makes the post. When its answer is lost, a
    page's own posts are read: ours is the one with our video. A person's posts cannot be read: the post is held.
    """

    Config = LinkedinConfig
    config: LinkedinConfig
    PostOptions = LinkedinOptions
    no_captions = True
    public = True
    # Of a person's account no more is known. To post again and see whether it is refused may post twice.
    idempotency = Idempotency.NONE
    settle_seconds = SETTLE_SECONDS
    dated_lookups = False
    accepts = VIDEO
    notes = (
        "A sign-in at LinkedIn lasts 60 days, and only LinkedIn's partners can renew it: sign in again before.",
        "LinkedIn takes about 150 posts of a person in a day, and refuses a text that was just posted.",
        "LinkedIn ends each version of its API after about a year: then set a newer one as version.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "Client ID", help="Of an app of yours at linkedin.com/developers, under Auth."),
        AccountField("client_secret", "Client secret", secret=True, help="Beside the ID."),
        AccountField(
            "organization", "Page", required=False, help="The number of the page to post for; empty: as yourself."
        ),
        AccountField("redirect_uri", required=False, help="By default http://localhost:8080/callback."),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    def __init__(self, config: LinkedinConfig, context: Context) -> None:
        super().__init__(config, context)
        if self._posts_for_page():
            self.idempotency = Idempotency.LOOKUP  # type: ignore[misc]
        else:
            # A hook that is there would be asked, and a lost answer wait for it instead of for a person.
            self.find_post = None  # type: ignore[assignment, method-assign]

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at LinkedIn, or at a simulator. Raises `InvalidInput`."""
        return oauth_of(given)

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Ask who signed in, or whether the person may post for the page. Raises `InvalidInput`."""
        return (await who_signed_in(tokens, context),)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the token is accepted, and still may post for the page."""
        return await problems_of(account, context)

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
        """Tell what LinkedIn would refuse, before a video is paid for."""
        problems = list(brief_problems(brief, self.context.name))
        if problems or post is None:
            return problems
        text = commentary(post, job, self.config.text, self.config.disclosure)
        cut = cut_caption(post.replace(caption=escaped(post.caption)), self.config.text, text)
        return refusal_of(lambda: self._check(post)) or cut

    def _check(self, post: Post) -> None:
        check_post(post, page=self._posts_for_page())
        self.check(post)

    def check(self, post: Post) -> None:
        """Raise `Rejected` for a video that LinkedIn would not take."""
        check_video(post.clip.video)

    def _account(self) -> Mapping[str, str]:
        return own_account(self.context, self.config.account, "linkedin").read()

    def _posts_for_page(self) -> bool:
        try:
            return is_page(self._account())
        except ReelworkError:
            # No such account: planning says so.
            return False

    def _api(self, values: Mapping[str, str]) -> Api:
        return Api(self.context, values.get("service") or API, self.config.account, self.config.version)

    def _videos(self) -> Videos:
        values = self._account()
        return Videos(self._api(values), values["author"], values.get("service", ""))

    def _note(self, post: Post, job: Job, number: int) -> Note:
        # In the instance's state, which nothing shows: whoever has an address can send there.
        return Note(self.context.state, f"parts {number} {job.id} {post.destination}")

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Upload the video, which nobody sees, in as many calls as it takes. Uploading again does no harm.

        Raises `Rejected`, `OutOfFunds` or `Unavailable`.
        """
        kept = job.pending.state if job.pending is not None else None
        state = dict(kept) if isinstance(kept, Mapping) else {}
        if "video" not in state:
            return await self._begun(post, job, int(str(state.get("tries", 0))))
        if state.get("whole"):
            return await self._looked_at(self._videos(), post, job, state)
        return await self._sent(self._videos(), post, job, state)

    async def _begun(self, post: Post, job: Job, tries: int) -> Pending:
        videos = self._videos()
        self._check(post)
        made = await videos.begin(post.clip.video)
        for start in range(0, len(made.parts), PARTS):
            parts: list[JsonValue] = [
                [one.first, one.last, one.address] for one in made.parts[start : start + PARTS]
            ]
            note = self._note(post, job, start // PARTS)
            if not await note.write({"video": made.video, "parts": parts}, was=await note.read()):
                raise Unavailable("linkedin: another process has begun this upload")
        # The handle is on disk before the first byte is sent: an upload that breaks off is continued.
        state: dict[str, JsonValue] = {"video": made.video, "token": made.token, "ends": made.ends}
        return Pending(after=0, state={**state, "count": len(made.parts), "etags": [], "tries": tries})

    async def _sent(self, videos: Videos, post: Post, job: Job, state: Mapping[str, Any]) -> JsonValue | Pending:
        """Send the next parts, and after the last one say that these were all."""
        video, etags = post.clip.video, [str(one) for one in state["etags"]]
        ends = float(str(state["ends"]))
        if ends and ends - SPARE_SECONDS < self.context.now().timestamp():
            return self._again("linkedin: the upload has expired", state)
        left = await self._left(post, job, state) if len(etags) < state["count"] else []
        if left is None:
            return self._again("linkedin: the addresses of the upload were forgotten", state)
        try:
            for part in left:
                etags.append(await videos.send(part, video, self._shows(job, video.bytes, part.first)))
            if len(etags) < state["count"]:
                percent = 100 * len(etags) / state["count"]
                return Pending(after=0, state={**state, "etags": list(etags)}, percent=percent)
            await self._finish(videos, state, etags)
        except Rejected as error:
            # Its addresses may have ended, or a part have come twice. A new upload tells nothing wrong.
            return self._again(error.message, state)
        await self._forget(post, job, len(etags))
        return await self._looked_at(videos, post, job, {**state, "etags": [], "whole": True})

    async def _left(self, post: Post, job: Job, state: Mapping[str, Any]) -> list[Part] | None:
        """Return the parts that are to be sent in this call; None where their addresses were forgotten."""
        at = len(state["etags"])
        kept = await self._note(post, job, at // PARTS).read()
        if kept is None or kept.get("video") != state["video"]:
            return None
        return [Part(*one) for one in kept["parts"][at % PARTS :]]

    async def _finish(self, videos: Videos, state: Mapping[str, Any], etags: list[str]) -> None:
        try:
            await videos.finish(str(state["video"]), str(state["token"]), etags)
        except Rejected:
            # An earlier call may have finished it, and its answer was lost.
            if (await videos.state(str(state["video"]))).word == "waiting":
                raise

    async def _forget(self, post: Post, job: Job, count: int) -> None:
        for start in range(0, count, PARTS):
            await self._note(post, job, start // PARTS).forget()

    def _shows(self, job: Job, total: int, offset: int) -> HttpProgress:
        return upload_progress(self.context, job, "uploading to LinkedIn", total, offset)

    async def _looked_at(
        self, videos: Videos, post: Post, job: Job, state: Mapping[str, Any]
    ) -> JsonValue | Pending:
        try:
            told = await videos.state(str(state["video"]))
        except Rejected as error:
            # LinkedIn may have forgotten it.
            return self._again(error.message, state)
        if told.word == "failed":
            raise _unusable(told)
        if told.word != "ready":
            after = min(float(str(state.get("after", FIRST_POLL / 1.5))) * 1.5, LONGEST_POLL)
            return Pending(after=after, state={**state, "after": after})
        # The text is made here, once: what is sent again after a doubt is what was sent before.
        text = commentary(post, job, self.config.text, self.config.disclosure)
        return {"author": videos.author, "video": str(state["video"]), "text": text}

    def _again(self, why: str, state: Mapping[str, Any]) -> Pending:
        """Begin anew, or give up. Raises `Rejected`."""
        tries = int(str(state.get("tries", 0))) + 1
        if tries >= TRIES:
            raise Rejected(f"{why.rstrip('.')}; {tries} uploads were begun.", money=NOTHING_POSTED)
        return Pending(after=1, state={"tries": tries})

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Post, once.

        Raises `NotSent` or `Rejected` where nothing was posted, `AlreadyThere` or `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        # Nothing has left yet: an account that was removed leaves no doubt.
        with errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED):
            values = self._account()
            if values["author"] != prepared["author"]:
                raise NotSent("linkedin: the account has changed", prepare_again=True, money=NOTHING_POSTED)
            await note_key(self.context.state, str(prepared["video"]), effect.key)
        with (
            errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED),
            errors_as(NotSent, Unavailable, money=NOTHING_POSTED),
        ):
            answer = await self._api(values).call("POST", "/rest/posts", json=_body(post, prepared))
        id_ = answer.headers.get("x-restli-id", "")
        if answer.status == 201 and id_.startswith("urn:li:"):
            return receipt_of(id_, home_of(values))
        if answer.ok:
            raise OutcomeUnknown("linkedin: the post was answered without an id")
        if first := first_post(answer):
            # No proof that it is ours: the same text may have been posted by hand. A person is shown it.
            effect.note(duplicate_of=first)
        raise unposted(answer)

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Listing[Receipt]:
        """List the page's posts: ours is the one with our video. Raises `Unavailable`."""
        values, prepared = self._account(), effect.prepared
        # The note may be lost: a backup may have been made between the start of this sending and the note.
        ours = {str(prepared["video"]): effect.key} if isinstance(prepared, Mapping) else {}
        return await posts_of(self._api(values), values["author"], home_of(values), self.context.state, ours)


def _unusable(told: State) -> Rejected:
    why = told.why or "it does not say why"
    return Rejected(f"linkedin: LinkedIn could not use the video: {why}.", money=NOTHING_POSTED)


def _body(post: Post, prepared: Mapping[str, Any]) -> dict[str, Any]:
    options = LinkedinOptions.model_validate(dict(post.options))
    media = {"id": str(prepared["video"]), **({"title": title(post)} if post.title else {})}
    return {
        "author": str(prepared["author"]),
        "commentary": str(prepared["text"]),
        "visibility": "PUBLIC" if options.audience == "everyone" else "CONNECTIONS",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "content": {"media": media},
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": not options.reshares,
    }
