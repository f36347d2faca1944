"""`threads`: posts videos to Threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from reelwork_hooks import (
    AccountField,
    Brief,
    Context,
    Credentials,
    Job,
    OAuth,
    Post,
    Problem,
    Rejected,
    StoredAccount,
    Target,
    Tokens,
    hookimpl,
)
from reelwork_plugins.publishers.meta.account import problems_of
from reelwork_plugins.publishers.meta.graph import NOTHING_POSTED
from reelwork_plugins.publishers.meta.network import Network
from reelwork_plugins.publishers.meta.publisher import ContainerPublisher
from reelwork_plugins.publishers.planned import cut_caption
from reelwork_plugins.publishers.threads.config import ThreadsConfig, ThreadsOptions
from reelwork_plugins.publishers.threads.sign_in import VERSION, account_of, host_of, oauth_of, renewed_token
from reelwork_plugins.publishers.threads.text import LONGEST_ALT, post_text

NETWORK = Network(
    name="threads",
    title="Threads",
    version=VERSION,
    create="threads",
    publish="threads_publish",
    posts="threads",
    limit="threads_publishing_limit",
    status="status",
    why="error_message",
    text="text",
    fields="id,permalink,timestamp",
)


class Threads(ContainerPublisher):
    """Posts the clip with its text, alt text and hashtags; says by default that it was made with AI.

    A container is made first, for which Threads fetches the video, and which nobody sees. Publishing it is the one
    step that counts: when its answer is lost, the container says whether it was published.
    """

    Config = ThreadsConfig
    config: ThreadsConfig
    PostOptions = ThreadsOptions
    post_fields = ("alt_text",)
    network = NETWORK
    # It takes no bytes: it fetches the video.
    needs_public_address = True
    no_captions = True
    # Its checks of a brief: all else is `async`.
    computes = True
    # https://developers.facebook.com/docs/threads/overview#video-specifications
    accepts = Target(longest=300, most_bytes=1_000_000_000, codecs=("h264", "hevc"))
    notes = (
        "Threads takes 250 posts of an account in 24 hours.",
        "Until Meta has reviewed your app, only accounts that are its testers can sign in.",
        "A token lasts 60 days and is renewed automatically, if a workflow uses it within that time.",
    )
    account_fields: ClassVar[tuple[AccountField, ...]] = (
        AccountField("client_id", "App ID", help="The Threads app ID, in the app's basic settings."),
        AccountField("client_secret", "App secret", secret=True, help="The Threads app secret, beside the ID."),
        AccountField(
            "redirect_uri", "Redirect URI", required=False, help="As in the app; https://localhost/ if left empty."
        ),
        AccountField("service", required=False, help="The address of a simulator, to rehearse with."),
    )

    @staticmethod
    async def oauth(given: Mapping[str, str], redirect_uri: str, context: Context) -> OAuth:
        """Sign in at Threads, or at a simulator. Raises `InvalidInput`."""
        return oauth_of(given, redirect_uri)

    @staticmethod
    async def signed_in(tokens: Tokens, context: Context) -> tuple[Credentials, ...]:
        """Exchange the token for one that lasts, and ask who signed in. Raises `InvalidInput`."""
        return (await account_of(tokens, context),)

    @staticmethod
    async def refreshed(kept: Credentials, context: Context) -> Credentials:
        """Renew the token for another sixty days."""
        return await renewed_token(kept, context)

    @staticmethod
    async def check_account(account: StoredAccount, context: Context) -> list[Problem]:
        """Ask whether the token is accepted, and the day has room for a post."""
        return await problems_of(NETWORK, account, context, f"{host_of(account.read())}/{VERSION}")

    def base_url(self, values: Mapping[str, str]) -> str:
        """Return the address of the API."""
        return f"{host_of(values)}/{VERSION}"

    @hookimpl
    def check_brief(self, brief: Brief, job: Job, post: Post | None) -> Iterable[Problem]:
        """Tell what Threads would refuse or cut, before a video is paid for."""
        problems = list(_problems(brief, self.context.name))
        if problems or post is None:
            return problems
        return cut_caption(post, self.config.text, self.text(post, job))

    def form(self, post: Post, job: Job) -> Mapping[str, str]:
        """Return the fields of the container. Raises `Rejected`."""
        problem, hint = "", ""
        if post.privacy != "public":
            problem = f"a post is as public as its account, and this one is {post.privacy}"
        elif post.disclosure.label == "refuse" and post.ai_generated:
            problem = "the network has no AI label"
            hint = 'Set label = "caption", or take threads out of the workflow.'
        if problem:
            raise Rejected(f"threads: {problem}.", money=NOTHING_POSTED, hint=hint)
        options = ThreadsOptions.model_validate(dict(post.options))
        fields = {
            "media_type": "VIDEO",
            "text": self.text(post, job),
            # Cut rather than refused: the video is paid for by now.
            "alt_text": post.alt_text[:LONGEST_ALT],
            "reply_control": options.replies,
            "topic_tag": options.topic,
        }
        return {name: value for name, value in fields.items() if value}

    def text(self, post: Post, job: Job) -> str:
        """Return the text."""
        return post_text(post, job, self.config.text, self.config.disclosure)


def _problems(brief: Brief, destination: str) -> Iterator[Problem]:
    copy = brief.destinations.get(destination)
    privacy = (copy.privacy if copy else None) or brief.privacy
    if privacy != "public":
        yield Problem(
            message=f"{destination}: a post is as public as its account; this one should be {privacy}.",
            field="privacy",
            hint=f'Write privacy = "public" under [destination.{destination}].',
        )
