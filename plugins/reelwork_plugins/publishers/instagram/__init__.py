"""`instagram`: posts reels to an Instagram professional account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from reelwork_hooks import (
    AccountField,
    Answer,
    Brief,
    Context,
    Credentials,
    Job,
    OAuth,
    Post,
    Problem,
    ReelworkError,
    Rejected,
    Shown,
    StoredAccount,
    Target,
    Tokens,
    hookimpl,
)
from reelwork_plugins.publishers.instagram.caption import MOST_MENTIONS, caption, mentions_in
from reelwork_plugins.publishers.instagram.config import InstagramConfig, InstagramOptions
from reelwork_plugins.publishers.instagram.sign_in import (
    accounts_of,
    by_page,
    host_of,
    oauth_of,
    renewed_token,
)
from reelwork_plugins.publishers.meta.account import problems_of
from reelwork_plugins.publishers.meta.graph import NOTHING_POSTED
from reelwork_plugins.publishers.meta.network import Network
from reelwork_plugins.publishers.meta.pages import VERSION
from reelwork_plugins.publishers.meta.publisher import ContainerPublisher
from reelwork_plugins.publishers.meta.upload import upload_address
from reelwork_plugins.publishers.planned import cut_caption, refusal_of

SHORTEST = 3.0
"""Seconds of the shortest reel."""
NETWORK = Network(
    name="instagram",
    title="Instagram",
    version=VERSION,
    create="media",
    publish="media_publish",
    posts="media",
    limit="content_publishing_limit",
    status="status_code",
    why="status",
    text="caption",
    fields="id,permalink,timestamp,is_ai_generated",
)


class Instagram(ContainerPublisher):
    """Posts the clip as a reel and says in Instagram's own field that it was made with AI.

    A container is made and filled first, which nobody sees. Publishing it is the one step that counts: when its
    answer is lost, the container says whether it was published.
    """

    Config = InstagramConfig
    config: InstagramConfig
    PostOptions = InstagramOptions
    post_fields = ("disclosure",)
    network = NETWORK
    no_captions = True
    # Its checks of a brief: all else is `async`.
    computes = True
    # https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
    accepts = Target(longest=900, most_bytes=300_000_000, codecs=("h264", "hevc"))
    notes = (
        "Instagram takes posts of professional accounts only, and 50 or 100 of them in 24 hours.",
        "Until Meta has reviewed your app, only accounts with a role in it can sign in.",
        "A token lasts 60 days and is renewed automatically, if a workflow uses it within that time.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField(
            "login", default="instagram", help="instagram; or facebook, for an account connected to a page."
        ),
        AccountField("client_id", "App ID", help="Instagram app ID; with login=facebook, the app's own ID."),
        AccountField("client_secret", "App secret", secret=True, help="Beside the ID."),
        AccountField(
            "redirect_uri", "Redirect URI", required=False, help="As in the app; https://localhost/ if left empty."
        ),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at Instagram, at Facebook, or at a simulator. Raises `InvalidInput`."""
        return oauth_of(given, redirect_uri)

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Exchange the token for one that lasts, and ask who signed in. Raises `InvalidInput`."""
        return await accounts_of(tokens, context)

    @staticmethod
    async def refreshed(kept: Credentials, context: Context) -> Credentials:
        """Renew the token for another sixty days."""
        return await renewed_token(kept, context)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the token is accepted, and the day has room for a post."""
        return await problems_of(NETWORK, account, context, f"{host_of(account.read())}/{VERSION}")

    @property
    def needs_public_address(self) -> bool:  # type: ignore[override]
        """True unless the account takes the video's bytes."""
        try:
            return not self.takes_bytes(self.api)
        except ReelworkError:
            # No such account: planning says so.
            return False

    def base_url(self, values: Mapping[str, str]) -> str:
        """Return the address of the API."""
        return f"{host_of(values)}/{VERSION}"

    def takes_bytes(self, values: Mapping[str, str]) -> bool:
        """Return whether it is signed in by a page: only such an account takes uploads."""
        return by_page(values)

    def upload_address(self, values: Mapping[str, str], place: str) -> str:
        """Return where the bytes go. Raises `Unavailable`."""
        return upload_address("instagram", values, place)

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
        """Tell what Instagram would refuse, before a video is paid for."""
        problems = list(_problems(brief, self.context.name))
        if problems or post is None:
            return problems
        cut = cut_caption(post, self.config.text, self.text(post, job))
        return refusal_of(lambda: self._check(post, job)) or cut

    def form(self, post: Post, job: Job) -> Mapping[str, str]:
        """Return the fields of the container. Raises `Rejected`."""
        self._check(post, job)
        return dict(_fields(post, self.text(post, job), InstagramOptions.model_validate(dict(post.options))))

    def text(self, post: Post, job: Job) -> str:
        """Return the caption."""
        return caption(post, job, self.config.text)

    def _check(self, post: Post, job: Job) -> None:
        problem = ""
        if post.privacy != "public":
            problem = f"a reel is as public as its account, and this post is {post.privacy}"
        elif (named := mentions_in(self.text(post, job))) > MOST_MENTIONS:
            problem = f"the caption mentions {named} accounts; at most {MOST_MENTIONS}"
        if problem:
            raise Rejected(f"instagram: {problem}.", money=NOTHING_POSTED)

    def label_sent(self, post: Post) -> Shown | None:
        """Return the label that the container was given."""
        return Shown(value=post.ai_generated, by="sent")

    def label_read(self, read: Answer, post: Post) -> Shown | None:
        """Return the label that Instagram shows."""
        said = read.at("is_ai_generated")
        return Shown(value=said, by="read") if isinstance(said, bool) else None


def _fields(post: Post, text: str, options: InstagramOptions) -> Iterator[tuple[str, str]]:
    yield "media_type", "REELS"
    # Also where it is false, so that what is read back was said.
    yield "is_ai_generated", str(post.ai_generated).lower()
    yield "share_to_feed", str(options.share_to_feed).lower()
    if text:
        yield "caption", text
    if options.cover_at is not None:
        yield "thumb_offset", str(round(options.cover_at * 1000))
    if options.collaborators:
        names = ",".join(f'"{name}"' for name in options.collaborators)
        yield "collaborators", f"[{names}]"
    if options.audio_name:
        yield "audio_name", options.audio_name
    if options.location_id is not None:
        yield "location_id", options.location_id


def _problems(brief: Brief, destination: str) -> Iterator[Problem]:
    copy = brief.destinations.get(destination)
    privacy = (copy.privacy if copy else None) or brief.privacy
    # Refused rather than posted in public: whoever writes private means it.
    if privacy != "public":
        yield Problem(
            message=f"{destination}: a reel is as public as its account; this one should be {privacy}.",
            field="privacy",
            hint=f'Write privacy = "public" under [destination.{destination}].',
        )
    said = (copy.caption if copy else None) or brief.caption
    if (named := mentions_in(said)) > MOST_MENTIONS:
        told = f"{destination}: the caption mentions {named} accounts; at most {MOST_MENTIONS}."
        yield Problem(message=told, field="caption", hint="Mention fewer accounts.")
    if brief.duration < SHORTEST:
        told = f"{destination}: {brief.duration:g} s is too short; a reel has at least {SHORTEST:g} s."
        yield Problem(message=told, field="duration", hint=f"Write duration = {SHORTEST:g}, or more.")
