"""`bluesky`: posts videos to Bluesky, or to any AT Protocol server."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import JsonValue

from reelwork_hooks import (
    AlreadyThere,
    Context,
    Credentials,
    Effect,
    Found,
    Idempotency,
    InvalidInput,
    Job,
    NotDone,
    NotSent,
    OutcomeUnknown,
    OutOfFunds,
    Plugin,
    Post,
    Problem,
    Receipt,
    ReelworkError,
    Rejected,
    Unavailable,
    Unsure,
    hookimpl,
    is_loopback,
)
from reelwork_plugins.publishers.bluesky.config import (
    DEFAULT_SERVICE,
    BlueskyConfig,
    BlueskyPostOptions,
    checked_service,
)
from reelwork_plugins.publishers.bluesky.record import (
    CAPTIONS,
    COLLECTION,
    Uploaded,
    languages_of,
    make_record,
    post_text,
    record_key,
    timestamp,
)
from reelwork_plugins.publishers.bluesky.sign_in import (
    KIND,
    DirectAccount,
    Session,
    SignedIn,
    SignInRefused,
    server,
    sign_in,
)
from reelwork_plugins.publishers.bluesky.video import NOTHING_POSTED, TOMORROW, Blob, VideoService, upload_to_server
from reelwork_plugins.publishers.bluesky.xrpc import Answer
from reelwork_plugins.publishers.captions import LEFT_OUT, Captions, to_send
from reelwork_plugins.publishers.own_account import own_account
from reelwork_plugins.publishers.planned import cut_caption, refusal_of


class Bluesky(Plugin):
    """Posts the clip with its text, alt text, hashtags and links; says by default that it was made with AI."""

    Config = BlueskyConfig
    PostOptions = BlueskyPostOptions
    # No `disclosure`: the lexicons have no label for AI, so the words in the text are all there is.
    post_fields = ("alt_text",)
    caption_types = tuple(CAPTIONS.media_types)
    config: BlueskyConfig
    public = True
    # Its checks of a brief: all else is `async`.
    computes = True
    # Each effect has a record key of its own. A repository holds one record under a key, and `createRecord` refuses
    # a second one: calling again can never post twice.
    idempotency = Idempotency.KEY
    settle_seconds = 2.0
    # A post stays under its key for as long as it exists.
    key_seconds = float("inf")

    def __init__(self, config: BlueskyConfig, context: Context) -> None:
        super().__init__(config, context)
        self._direct = DirectAccount(config, context) if config.identifier else None

    @staticmethod
    async def sign_in(given: Mapping[str, str], context: Context) -> Credentials:
        """Sign in once, for `reelwork accounts add`. Raises `InvalidInput` or `Unavailable`."""
        try:
            service = checked_service(given.get("service") or DEFAULT_SERVICE)
        except ValueError as error:
            raise InvalidInput(f"--service: {error}.") from None
        values = await sign_in(context, {**given, "service": service})
        shown = ("service", "identifier", "did", "pds")
        return Credentials(
            shown={name: values[name] for name in shown},
            secret={name: value for name, value in values.items() if name not in shown},
        )

    async def doctor_problems(self, offline: bool) -> list[Problem]:
        """Return why signing in with the password of the workflow would fail. An account is checked as such."""
        if offline or self._direct is None:
            return []
        try:
            await self._signed_in().session()
        except SignInRefused as error:
            return [Problem(message=error.message, hint=error.hint)]
        return []

    @hookimpl
    def check_brief(self, job: Job, post: Post | None) -> list[Problem]:
        """Return what Bluesky would refuse or cut, before a video is paid for."""
        if post is None:
            return []
        cut = cut_caption(post, self.config.text, post_text(post, job, self.config))
        return refusal_of(lambda: _check(post)) or cut

    @hookimpl
    async def prepare_publish(self, post: Post, job: Job) -> JsonValue:
        """Sign in and upload the video. The answer names it; uploading again does no harm.

        Raises `Rejected` when Bluesky cannot take this post, `SignInRefused` or `Unavailable`.
        """
        _check(post)
        signed_in = self._signed_in()
        session = await signed_in.session()
        sent = await self._uploaded(signed_in, post, job)
        return {"did": session.did, "blob": dict(sent.video), "captions": [dict(one) for one in sent.captions]}

    @hookimpl
    async def publish(self, post: Post, job: Job, effect: Effect) -> Receipt:
        """Create the record under the effect's own key, or find that it is there.

        Raises `NotSent` when nothing went out, `Rejected` when the server refused, `OutcomeUnknown` otherwise.
        """
        rkey = record_key(effect.key, job.created_at)
        session = await self._session(effect)
        # An earlier attempt's record may be there although its answer was lost: that is looked up first.
        if effect.attempt > 1 and (receipt := await self._earlier(session, rkey, effect)):
            return self._telling(receipt, post)
        did, uploaded = _prepared(effect)
        # A blob belongs to the repository it was uploaded to. A record elsewhere would show no video.
        if did != session.did:
            raise Rejected(
                f"bluesky: the video was uploaded to {did}, and the account is now {session.did}.",
                money=NOTHING_POSTED,
                hint="Add the account you mean, or run the workflow again.",
            )
        record = make_record(post, job, self.config, uploaded, effect.started_at)
        answer = await self._created(session, effect, rkey, record)
        if answer.blob_missing:
            # A server deletes blobs that no record has used for a while.
            uploaded = await self._uploaded_again(post, job)
            record = make_record(post, job, self.config, uploaded, effect.started_at)
            answer = await self._created(session, effect, rkey, record)
        return self._telling(await self._outcome(answer, session, rkey, effect), post)

    @hookimpl
    async def find_post(self, post: Post, job: Job, effect: Effect) -> Found[Receipt] | NotDone | Unsure:
        """Look under the effect's own key, which nothing else uses. Raises `Unavailable`, `SignInRefused`."""
        session = await self._signed_in().session()
        did, _ = _prepared(effect)
        if did != session.did:
            return Unsure(f"the post was meant for {did}, and the account is now {session.did}")
        rkey = record_key(effect.key, job.created_at)
        try:
            found = await self._look_up(session, rkey, effect)
        except Rejected as error:
            return Unsure(error.message)
        if found is None:
            return NotDone(final=True, why=f"the key {rkey} is free")
        return Found.one(self._telling(found, post))

    def _signed_in(self) -> SignedIn:
        return SignedIn(self.context, self._direct or own_account(self.context, self.config.account_name, KIND))

    @property
    def account_name(self) -> str | None:
        """The account it signs in with; None with an identifier and a password."""
        return None if self._direct else self.config.account_name

    async def _session(self, effect: Effect, stale: str | None = None) -> Session:
        try:
            signed_in = self._signed_in()
            return await (signed_in.session() if stale is None else signed_in.renewed(stale))
        except ReelworkError as error:
            wait = getattr(error, "retry_after", None)
            # Nothing of this attempt left. An earlier one may have posted, and has to be looked up first.
            if effect.attempt > 1 and stale is None:
                raise OutcomeUnknown(error.message, hint=error.hint) from error
            raise NotSent(error.message, retry_after=wait, money=NOTHING_POSTED, hint=error.hint) from error

    async def _earlier(self, session: Session, rkey: str, effect: Effect) -> Receipt | None:
        did, _ = _prepared(effect)
        if did != session.did:
            raise OutcomeUnknown(
                f"bluesky: the post may be in the account {did}, and the account is now {session.did}.",
                hint="Add the account you mean, then resume the job.",
            )
        try:
            return await self._look_up(session, rkey, effect)
        except Unavailable as error:
            raise OutcomeUnknown(f"the post could not be looked up: {error.message}") from error

    async def _created(self, session: Session, effect: Effect, rkey: str, record: Mapping[str, Any]) -> Answer:
        """Return the server's answer to the one call that posts."""
        answer = await self._create(session, rkey, record)
        # A refused token means that no work was done: the same call may be sent with a new one.
        if answer.token_refused:
            answer = await self._create(await self._session(effect, stale=session.access), rkey, record)
        if answer.token_refused:
            problem = f"bluesky: the server does not accept its own token: {answer.words}"
            raise NotSent(problem, money=NOTHING_POSTED)
        return answer

    async def _create(self, session: Session, rkey: str, record: Mapping[str, Any]) -> Answer:
        home = server(self.context, session.pds, session.service)
        wanted = {"repo": session.did, "collection": COLLECTION, "rkey": rkey, "record": record}
        return await home.call("com.atproto.repo.createRecord", wanted, session.access)

    async def _outcome(self, answer: Answer, session: Session, rkey: str, effect: Effect) -> Receipt:
        # A web page that something on the way answers instead of the server is a 200 too, and proves nothing.
        if answer.ok and isinstance(answer.body.get("uri"), str):
            return _receipt(session, rkey, answer.body)
        if answer.status == 429:
            wait = answer.retry_after or 60.0
            raise NotSent(f"bluesky: too many requests ({answer.words})", retry_after=wait, money=NOTHING_POSTED)
        # A taken key is answered 500, 400 or 409, in any words. So every answer but a success is looked up before
        # its words are believed.
        found = None
        with suppress(Unavailable):
            found = await self._look_up(session, rkey, effect)
        if found is not None:
            return found
        if answer.says_exists:
            raise AlreadyThere(f"bluesky: the server answered {answer.words}, and does not show the post yet")
        if answer.says_day_is_full:
            problem = f"bluesky: the account's limit for today is used up: {answer.words}"
            raise OutOfFunds(problem, money=NOTHING_POSTED, hint=TOMORROW)
        if answer.refused:
            problem = f"bluesky: the post was refused: {answer.words}"
            raise Rejected(problem, code=answer.error, money=NOTHING_POSTED)
        raise OutcomeUnknown(f"bluesky: the server answered {answer.words}")

    async def _look_up(self, session: Session, rkey: str, effect: Effect) -> Receipt | None:
        """Return the receipt for the post under the key; None when the server says that there is none.

        Raises `Unavailable` when it cannot be read, `Rejected` when another post has the key.
        """

        async def ask(session: Session) -> Answer:
            home = server(self.context, session.pds, session.service)
            wanted = {"repo": session.did, "collection": COLLECTION, "rkey": rkey}
            return await home.query("com.atproto.repo.getRecord", wanted, session.access)

        answer = await self._signed_in().call(ask)
        # Only this word proves absence: a 404 may come from anything in front of the server.
        if answer.error == "RecordNotFound":
            return None
        record = answer.body.get("value")
        if not answer.ok or not isinstance(record, dict):
            raise Unavailable(f"bluesky: the server answered {answer.words}")
        # Our record carries the time of the effect. Another program may have put its own under this key.
        if record.get("createdAt") != timestamp(effect.started_at):
            raise Rejected(f"bluesky: another post has the key {rkey}.", money=NOTHING_POSTED)
        return _receipt(session, rkey, answer.body)

    async def _uploaded(self, signed_in: SignedIn, post: Post, job: Job) -> Uploaded:
        video = await self._video(signed_in, post, job)
        captions = []
        files, left_out = self._captions(post)
        for told in left_out:
            self.context.log.warning("%s", told)
        for one in files:
            file = await upload_to_server(self.context, signed_in, one.asset)
            captions.append({"lang": one.language, "file": file})
        return Uploaded(video, captions)

    def _captions(self, post: Post) -> tuple[list[Captions], list[str]]:
        return to_send(post, CAPTIONS, languages_of(post, self.config))

    def _telling(self, receipt: Receipt, post: Post) -> Receipt:
        """Return a receipt that names the captions that were left out."""
        _, left_out = self._captions(post)
        return receipt.replace(details={**receipt.details, LEFT_OUT: left_out}) if left_out else receipt

    async def _video(self, signed_in: SignedIn, post: Post, job: Job) -> Blob:
        video = post.clip.video
        if self.config.video_service == "pds":
            self.context.progress(job, 0.0, "uploading to Bluesky")
            return await upload_to_server(self.context, signed_in, video)
        service = VideoService(self.context, signed_in, self.config.video_service)
        return await service.upload(video, lambda percent, text: self.context.progress(job, percent, text))

    async def _uploaded_again(self, post: Post, job: Job) -> Uploaded:
        try:
            return await self._uploaded(self._signed_in(), post, job)
        except Rejected:
            raise
        except ReelworkError as error:
            raise NotSent(error.message, money=NOTHING_POSTED, hint=error.hint) from error


def _check(post: Post) -> None:
    if post.privacy != "public":
        raise Rejected(
            f"bluesky: this post is {post.privacy}, and every post on Bluesky is public.",
            money=NOTHING_POSTED,
            hint='Set privacy = "public", or take bluesky out of the workflow.',
        )
    if post.disclosure.label == "refuse":
        raise Rejected(
            "bluesky: this post must have the network's own AI label, and Bluesky has none.",
            money=NOTHING_POSTED,
            hint='Set label = "caption", or take bluesky out of the workflow.',
        )
    if post.clip.video.media_type != "video/mp4":
        raise Rejected(
            f"bluesky: the video is {post.clip.video.media_type}, and Bluesky takes video/mp4 only.",
            money=NOTHING_POSTED,
        )


def _prepared(effect: Effect) -> tuple[str, Uploaded]:
    prepared = effect.prepared
    assert isinstance(prepared, dict)
    video, captions = prepared["blob"], prepared.get("captions", [])
    assert isinstance(video, dict)
    assert isinstance(captions, list)
    return str(prepared["did"]), Uploaded(video, [one for one in captions if isinstance(one, dict)])


def _receipt(session: Session, rkey: str, body: Mapping[str, Any]) -> Receipt:
    return Receipt(
        id=f"at://{session.did}/{COLLECTION}/{rkey}",
        url=_web_address(session, rkey),
        details={"cid": str(body.get("cid", "")), "did": session.did, "rkey": rkey},
    )


def _web_address(session: Session, rkey: str) -> str:
    if is_loopback(session.service):
        # No web site shows the posts of a server on this machine; the record itself can be read.
        wanted = f"repo={session.did}&collection={COLLECTION}&rkey={rkey}"
        return f"{session.pds}/xrpc/com.atproto.repo.getRecord?{wanted}"
    return f"https://bsky.app/profile/{session.did}/post/{rkey}"
