"""`tiktok`: posts videos to TikTok, or sends them to an account's inbox as drafts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from pydantic import JsonValue

from reelwork_hooks import (
    AccountField,
    AlreadyThere,
    Brief,
    Context,
    Credentials,
    Effect,
    Found,
    HttpProgress,
    Idempotency,
    InvalidInput,
    Job,
    NotDone,
    Note,
    NotSent,
    OAuth,
    OutcomeUnknown,
    Pending,
    Plugin,
    Post,
    Problem,
    Receipt,
    Rejected,
    Shown,
    StoredAccount,
    Target,
    Tokens,
    Unavailable,
    Unsure,
    errors_as,
    hookimpl,
)
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.planned import cut_caption, refusal_of
from reelwork_plugins.publishers.tiktok.account import account_problems
from reelwork_plugins.publishers.tiktok.api import Api, refusal
from reelwork_plugins.publishers.tiktok.checks import brief_problems, check_video, check_words, post_info, text_of
from reelwork_plugins.publishers.tiktok.chunks import EXPIRES, MEBIBYTE, Chunks, Upload
from reelwork_plugins.publishers.tiktok.config import NOTHING_POSTED, TiktokConfig, TiktokOptions
from reelwork_plugins.publishers.tiktok.sign_in import API, PAGE, account_of, oauth_of, service_in
from reelwork_plugins.publishers.tiktok.standing import Standing
from reelwork_plugins.publishers.upload_progress import upload_progress

FIRST_POLL, LONGEST_POLL = 5.0, 60.0
"""Seconds after which a post is asked for, growing: TikTok answers 30 questions of an account a minute."""
TRIES = 3
"""Uploads of one post that are begun where one does not come to its end."""
# Less than the time limit of `prepare_publish`. A large video over a slow line is continued in the next call.
UPLOAD_SECONDS = 600.0
LINK_SECONDS = 300.0
"""Seconds for which the address of a public post is waited for: TikTok looks at it first."""
MISSING_SECONDS = 900.0
"""Seconds for which TikTok may not know a new post."""
# The address may be asked for before the end of its hour, and the clocks may differ.
SPARE = 300.0
DRAFT = "It is a draft in the account's inbox: open TikTok's message there to add the text and post it."


class Tiktok(Plugin):
    """Posts the clip to TikTok and says in TikTok's own field that it was made with AI; or sends it as a draft.

    All pieces of the video but the last are uploaded first, which posts nothing. The last one is the step that
    counts: when its answer is lost, the post's own id says what became of it.
    """

    Config = TiktokConfig
    config: TiktokConfig
    PostOptions = TiktokOptions
    post_fields: ClassVar[tuple[str, ...]] = ("disclosure",)
    no_captions = True
    public = True
    # Its checks of a brief: all else is `async`.
    computes = True
    idempotency = Idempotency.LOOKUP
    # Longer than a gateway waits: what may still bring the last piece has done so by then.
    settle_seconds = 120.0
    dated_lookups = False
    accepts = Target(longest=600, most_bytes=4_000_000_000, codecs=("h264", "hevc", "vp8", "vp9"))
    notes: ClassVar[tuple[str, ...]] = (
        "TikTok takes about 15 posts of an account in a day, and lets 6 be begun in a minute.",
        "Posts of an app that TikTok has not audited are seen by the account alone, and 5 accounts a day may post.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "Client key", help="Of an app of yours at developers.tiktok.com."),
        AccountField("client_secret", "Client secret", secret=True, help="Beside the key."),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    def __init__(self, config: TiktokConfig, context: Context) -> None:
        super().__init__(config, context)
        if not config.direct:
            # A draft takes no label.
            self.post_fields = ()  # type: ignore[misc]

    @property
    def post_note(self) -> str | None:
        """Tell that a video becomes a draft, which a person has to post."""
        if self.config.direct:
            return None
        return "as a draft in the account's inbox, without text and label: a person posts it in TikTok"

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at TikTok, or at a simulator. Raises `InvalidInput`."""
        return oauth_of(service_in(given))

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Return the account. Raises `InvalidInput` where it did not allow what is needed."""
        return (await account_of(tokens, context),)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the account may post now."""
        return await account_problems(account, context)

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
        """Tell what TikTok would refuse, before a video is paid for."""
        problems = list(brief_problems(brief, self.context.name, direct=self.config.direct))
        if problems or post is None:
            return problems
        # Whoever finishes a draft in the app writes its text there.
        text = text_of(post, job, self.config.text) if self.config.direct else post.caption
        return refusal_of(lambda: self.check(post, job)) or cut_caption(post, self.config.text, text)

    def check(self, post: Post, job: Job) -> None:
        """Raise `Rejected` for a post that TikTok would not take, whatever the account may do."""
        check_video(post, job)
        check_words(post, direct=self.config.direct)

    def _account(self) -> Mapping[str, str]:
        return own_account(self.context, self.config.account, "tiktok").read()

    def _api(self) -> Api:
        return Api(self.context, self._account().get("service") or API, self.config.account)

    def _chunks(self, post: Post) -> Chunks:
        return Chunks.of(post.clip.video.bytes, self.config.chunk * MEBIBYTE)

    def _note(self, post: Post, job: Job) -> Note:
        # In the instance's state, which nothing shows: whoever has the address can end the upload.
        return Note(self.context.state, f"upload {job.id} {post.destination}")

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue | Pending:
        """Begin the post, and send all but the last piece, in as many calls as it takes. Posts nothing.

        Raises `Rejected`, `OutOfFunds` or `Unavailable`.
        """
        kept = job.pending.state if job.pending is not None else None
        state = dict(kept) if isinstance(kept, Mapping) else {}
        if "publish" not in state:
            return await self._begun(post, job, int(str(state.get("tries", 0))))
        return await self._sent(post, job, state)

    async def _begun(self, post: Post, job: Job, tries: int) -> JsonValue | Pending:
        self.check(post, job)
        api, chunks = self._api(), self._chunks(post)
        state: dict[str, JsonValue] = {"tries": tries, "kind": "draft"}
        info = None
        if self.config.direct:
            creator = await api.creator()
            info = post_info(post, job, self.config.text, creator)
            state |= {"kind": "post", "level": info["privacy_level"], "name": creator.name}
            self._warn_of_limits(post, info)
        note = self._note(post, job)
        was = await note.read()
        id_, address = await api.begin(chunks, info)
        if not await note.write({"publish": id_, "address": address}, was=was):
            # Another process was faster: its upload is the one. Ours has no byte, and nobody can end it.
            raise Unavailable("tiktok: another process has begun this post")
        # The handle is on disk before the first byte is sent: what became of the post can always be asked.
        state |= {"publish": id_, "begun": self.context.now().timestamp()}
        return _prepared(state) if chunks.count == 1 else Pending(after=0, state=state)

    def _warn_of_limits(self, post: Post, info: Mapping[str, Any]) -> None:
        options = TiktokOptions.model_validate(dict(post.options))
        wanted = {"comments": options.comments, "duet": options.duet, "stitch": options.stitch}
        fields = {"comments": "disable_comment", "duet": "disable_duet", "stitch": "disable_stitch"}
        if off := [name for name, asked in wanted.items() if asked and info[fields[name]]]:
            self.context.log.warning(
                "TikTok: the account has switched off %s, so this post has none.", " and ".join(off)
            )

    def _shows(self, job: Job, total: int, offset: int) -> HttpProgress:
        return upload_progress(self.context, job, "uploading to TikTok", total, offset)

    async def _upload(self, post: Post, job: Job, publish_id: str) -> Upload | None:
        """Return the upload that was begun for this id; None where its address was forgotten."""
        kept = await self._note(post, job).read()
        if kept is None or kept.get("publish") != publish_id:
            return None
        return Upload(self.context, self._account().get("service", ""), str(kept["address"]), post.clip.video)

    async def _sent(self, post: Post, job: Job, state: Mapping[str, Any]) -> JsonValue | Pending:
        """Send the pieces that are missing, without the last."""
        chunks, ends = self._chunks(post), time.monotonic() + UPLOAD_SECONDS
        standing = await self._api().standing(str(state["publish"]), chunks.size)
        if standing.is_posted:
            return _prepared(state)
        upload = await self._upload(post, job, str(state["publish"]))
        if upload is None or standing.word in ("missing", "broken"):
            return self._again(standing, state)
        for start, end in chunks.spans(standing.received or 0):
            if start == chunks.last:
                return _prepared(state)
            if time.monotonic() > ends:
                return Pending(after=0, state=dict(state), percent=100 * start / chunks.size)
            with errors_as(Unavailable, (NotSent, OutcomeUnknown)):
                answer = await upload.send(start, end, self._shows(job, chunks.size, start))
            if answer.status != 206:
                # Its hour may be over, or a piece have come twice. A new upload tells nothing wrong.
                if answer.refused:
                    return self._again(standing, state)
                raise refusal(answer, "the upload")
        raise AssertionError("the last piece is left to `publish`")

    def _again(self, standing: Standing, state: Mapping[str, Any]) -> Pending:
        """Begin anew, or give up. Raises `Rejected`."""
        tries = int(str(state.get("tries", 0))) + 1
        if tries >= TRIES:
            told = standing.why or standing.said or standing.word
            raise Rejected(f"tiktok: the upload did not come to its end: {told}.", money=NOTHING_POSTED)
        return Pending(after=FIRST_POLL, state={"tries": tries})

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Send the last piece, once, which posts the video.

        Raises `NotSent` where nothing was posted, `AlreadyThere` or `OutcomeUnknown` otherwise.
        """
        prepared = effect.prepared
        assert isinstance(prepared, Mapping)
        # Trouble with the account or the status comes up before the last piece leaves.
        with (
            errors_as(NotSent, InvalidInput, lasting=True, money=NOTHING_POSTED),
            errors_as(NotSent, Unavailable, money=NOTHING_POSTED),
        ):
            upload, standing = await self._unposted(post, job, prepared, effect.attempt)
        chunks = self._chunks(post)
        # Nothing said how much has arrived: all pieces but the last were taken while it was prepared.
        received = chunks.last if standing.received is None else standing.received
        for start, end in chunks.spans(received):
            answer = await upload.send(start, end, self._shows(job, chunks.size, start))
            if answer.status == 201 and end == chunks.size:
                return _receipt(prepared, post)
            if answer.status == 206 and end < chunks.size:
                continue
            told = f"tiktok: the upload was answered {answer.words}"
            # At the first attempt the upload is not whole then. Later, it may be turned away for being whole.
            if answer.refused and effect.attempt == 1:
                raise NotSent(told, prepare_again=True, money=NOTHING_POSTED)
            raise OutcomeUnknown(told)
        raise AssertionError("the last piece was sent")

    async def _unposted(
        self, post: Post, job: Job, prepared: Mapping[str, Any], attempt: int
    ) -> tuple[Upload, Standing]:
        """Return the upload that is to be ended. Raises what it means that it cannot be."""
        publish_id = str(prepared["publish"])
        standing = await self._api().standing(publish_id, post.clip.video.bytes, repeatable=False)
        if standing.is_posted:
            raise AlreadyThere(f"tiktok: {standing.told}")
        if standing.word == "missing" or (standing.word == "unclear" and standing.said != "PROCESSING_UPLOAD"):
            # It may have been posted long ago, and be forgotten since.
            raise OutcomeUnknown(f"tiktok: {standing.told}")
        left = float(str(prepared["begun"])) + EXPIRES + SPARE - self.context.now().timestamp()
        if standing.word == "broken" or left <= 0:
            # It is not whole, and its address is not good any more: it never will be.
            raise NotSent(f"tiktok: {standing.told}, and has ended", prepare_again=True, money=NOTHING_POSTED)
        upload = await self._upload(post, job, publish_id)
        if upload is None:
            # An earlier attempt may still bring the last piece, as long as the address is good.
            told = "tiktok: the address of the upload was forgotten"
            raise NotSent(
                told, prepare_again=attempt == 1, retry_after=None if attempt == 1 else left, money=NOTHING_POSTED
            )
        return upload, standing

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone | Unsure:
        """Ask for the post by its own id. Raises `Unavailable`."""
        prepared = effect.prepared
        if not isinstance(prepared, Mapping):
            return Unsure("the post's id was not recorded, and no other handle shows it")
        standing = await self._api().standing(str(prepared["publish"]), post.clip.video.bytes)
        if standing.is_posted:
            return Found.one(_receipt(prepared, post))
        # Bytes are missing. Should they still come, they end the same upload, which posts once.
        return NotDone(final=standing.word in ("uploading", "broken"), why=standing.told)

    @hookimpl
    async def follow_post(self, post: Post, job: Job, receipt: Receipt) -> Receipt | Pending:
        """Wait until TikTok has posted it, or put it into the inbox. Raises `Unavailable`."""
        # Not before: until the receipt is in the store, an upload that is not whole may have to be ended.
        await self._note(post, job).forget()
        standing = await self._api().standing(receipt.id, post.clip.video.bytes)
        age = self.context.now() - (receipt.at or job.created_at)
        match standing.word:
            case "live" if standing.post or not _gets_address(receipt) or age >= timedelta(seconds=LINK_SECONDS):
                return self._shown(standing, receipt)
            case "draft":
                self.context.log.warning("TikTok: %s", DRAFT)
                return receipt.replace(state="private", details={**receipt.details, "draft": DRAFT})
            case "failed" | "broken":
                reason = {"reason": standing.why or "TikTok could not post it"}
                return receipt.replace(state="failed", details={**receipt.details, **reason})
            case "missing" if age >= timedelta(seconds=MISSING_SECONDS):
                reason = {"reason": "TikTok no longer knows the post"}
                return receipt.replace(state=None, details={**receipt.details, **reason})
        after = FIRST_POLL if job.pending is None else min(job.pending.after * 1.5, LONGEST_POLL)
        return Pending(after=after)

    def _shown(self, standing: Standing, receipt: Receipt) -> Receipt:
        level, name = receipt.details.get("level"), receipt.details.get("name")
        # A draft that its person has posted meanwhile: for whom, TikTok does not say.
        state = "private" if level == "SELF_ONLY" else "live"
        if not standing.post or not name:
            return receipt.replace(state=state)
        host = self._account().get("service") or PAGE
        return receipt.replace(state=state, url=f"{host}/@{name}/video/{standing.post}")


def _prepared(state: Mapping[str, Any]) -> JsonValue:
    return {name: state[name] for name in ("publish", "begun", "kind", "level", "name") if name in state}


def _gets_address(receipt: Receipt) -> bool:
    # Of others than public posts TikTok tells no id.
    return receipt.details.get("level") == "PUBLIC_TO_EVERYONE"


def _receipt(prepared: Mapping[str, Any], post: Post) -> Receipt:
    is_draft = prepared["kind"] == "draft"
    details = {name: str(prepared[name]) for name in ("kind", "level", "name") if prepared.get(name)}
    label = Shown(value=None, by="unreadable") if is_draft else Shown(value=post.ai_generated, by="sent")
    return Receipt(id=str(prepared["publish"]), details=details, state="processing", disclosure=label)
