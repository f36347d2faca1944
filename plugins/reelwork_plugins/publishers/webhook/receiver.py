"""Requests to a receiver, signed, and the meaning of its answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import quote

from reelwork_hooks import (
    Answer,
    Context,
    HttpFiles,
    HttpProgress,
    Meaning,
    NotSent,
    OutcomeUnknown,
    ReelworkError,
    Refusals,
    Rejected,
    read_key,
    signature_headers,
)
from reelwork_plugins.publishers.webhook.config import ID, WebhookConfig

NOTHING_POSTED = "Nothing was posted; the video is kept."
POST_FIELD = "post"
"""The field of a form that holds the body."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SIGN_IN = Meaning("lasting", hint="Compare secret and headers with the receiver's, then resume the job.")
_PLACE = Meaning("lasting", hint="Compare url with the receiver's address, then resume the job.")
REFUSALS = Refusals(
    statuses={
        401: _SIGN_IN,
        403: _SIGN_IN,
        404: _PLACE,
        405: _PLACE,
        410: Meaning("lasting", "the receiver wants no more posts"),
        # One that passed it on to several places may have posted at some of them.
        424: Meaning("unknown"),
    },
    no_funds=None,
    pause=5.0,
    money=NOTHING_POSTED,
)
"""What a receiver's own refusals mean for a post."""


def id_of(key: str) -> str:
    """Return the `webhook-id` of an effect's key: the same whenever it is sent."""
    # A key has the destination's name, in any script. What is signed must have no full stop in its id.
    return key if _PLAIN_ID.fullmatch(key) else f"reelwork-{hashlib.sha256(key.encode()).hexdigest()}"


class Receiver:
    """One receiver."""

    def __init__(self, config: WebhookConfig, context: Context) -> None:
        self._config, self._context = config, context
        addresses = [config.url, *([config.lookup.replace(ID, "id")] if config.lookup else [])]
        # An address of a workflow may be anybody's: this network is reached only where a person allows it.
        self._http = context.http(trust=addresses if config.private else [])

    async def signed(self, id_: str, body: bytes) -> Mapping[str, str]:
        """Return the headers of a request. Raises `InvalidInput`, `SecretNotFound` among them."""
        references = (self._config.secret, self._config.old_secret)
        secrets = [await read_key(self._context, one) for one in references if one is not None]
        more = {name: await read_key(self._context, one) for name, one in self._config.headers.items()}
        # The time of this attempt: a receiver refuses what is too old.
        now = int(self._context.now().timestamp())
        return {**more, "Accept": "application/json", **signature_headers(secrets, id_, now, body)}

    async def post(
        self, headers: Mapping[str, str], body: str, files: HttpFiles | None, progress: HttpProgress
    ) -> Answer:
        """Send a post, once. Raises `NotSent` or `OutcomeUnknown`."""
        url, wait = self._config.url, self._config.answer_seconds
        try:
            if files is None:
                kind = {"Content-Type": "application/json"}
                answer = await self._http.post(
                    url, content=body.encode(), headers={**headers, **kind}, timeout=wait, progress=progress
                )
            else:
                answer = await self._http.post(
                    url, data={POST_FIELD: body}, files=files, headers=headers, timeout=wait, progress=progress
                )
        except NotSent as error:
            if error.lasting and not self._config.private:
                error.hint = error.hint or "A receiver in this network needs private = true."
            raise
        return Answer.of(answer)

    async def look(self, id_: str) -> Answer:
        """Ask for a post. Raises `InvalidInput`, or `Unavailable` where nothing was answered."""
        assert self._config.lookup is not None
        # An old copy of an answer would tell of no new post.
        headers = {**await self.signed(id_, b""), "Cache-Control": "no-cache"}
        return Answer.of(await self._http.get(self._config.lookup.replace(ID, quote(id_)), headers=headers))


def named_in(answer: Answer) -> str:
    """Return the id that an answer names; empty when it names none."""
    id_ = answer.at("id")
    return str(id_) if isinstance(id_, str | int) and not isinstance(id_, bool) else ""


def is_taken(answer: Answer) -> bool:
    """Return whether the answer to a post says that it was taken."""
    # A page that something on the way shows instead of the receiver proves nothing, and is a 200 too.
    if not answer.ok or answer.is_html:
        return False
    says_no = answer.at("ok") is False or answer.at("success") is False
    return bool(named_in(answer)) or not (says_no or answer.at("error") or answer.at("errors"))


def refusal(answer: Answer) -> ReelworkError:
    """Return what to raise for an answer to a post that did not take it."""
    said = f"webhook: the post was answered {_words(answer)}"
    if answer.status == 413:
        # Whoever finds a body too large does not read it, and passes nothing on.
        hint = "Make a shorter or smaller video, or raise the receiver's limit."
        return Rejected(f"{said}: it is too large", code="413", money=NOTHING_POSTED, hint=hint)
    if 300 <= answer.status < 400:
        # Nor is it followed: it could lead anywhere, and a receiver may redirect after it has posted.
        return OutcomeUnknown(f"{said}: a redirect is not followed", hint="Set url to where it leads.")
    if not is_own(answer):
        return OutcomeUnknown(f"{said}, and not as a receiver answers")
    return REFUSALS.of(answer, said)


def is_own(answer: Answer) -> bool:
    """Return whether a refusal was written by the receiver: in JSON, with a reason.

    A bare status may come from anything on the way, which may have passed the post on. One that asks for a pause
    has turned it away.
    """
    if answer.status == 429 and answer.headers.get("retry-after"):
        return True
    return isinstance(answer.body, dict) and bool(answer.message or answer.text_at("title"))


def _words(answer: Answer) -> str:
    # RFC 9457 calls its one word for what is wrong the title.
    title = " ".join(answer.text_at("title").split())
    # Its type of problems that have none is no code.
    words = answer.words.replace(" (about:blank)", "")
    return words if answer.message or not title else f"{words}: {title}"


def asked_words(answer: Answer) -> str:
    """Return what the answer to a question was, in words for a person."""
    return f"the receiver answered {_words(answer)} to the question for the post"
