"""The `Plugin` base class, its settings, and references to secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict

# Names renamed to themselves are exported from here, where they were first, also for type checkers.
from reelwork_hooks.accounts import Account as Account
from reelwork_hooks.accounts import AccountField
from reelwork_hooks.accounts import Credentials as Credentials
from reelwork_hooks.context import Cache as Cache
from reelwork_hooks.context import Context as Context
from reelwork_hooks.effects import Idempotency
from reelwork_hooks.http import HttpClient as HttpClient
from reelwork_hooks.http import HttpResponse as HttpResponse
from reelwork_hooks.moderation import Stage
from reelwork_hooks.sign_in import SignsIn as SignsIn
from reelwork_hooks.targets import Target

if TYPE_CHECKING:
    from reelwork_hooks.briefs import Platform, Problem, Prompt
    from reelwork_hooks.jobs import Job
    from reelwork_hooks.posts import Post
    from reelwork_hooks.prices import Quote

SECRET_SCHEMES = ("env", "file", "aws-sm")


def _is_reference(value: str) -> str:
    scheme, _, rest = value.partition(":")
    # The error must not repeat the value: people paste the secret itself here.
    if scheme not in SECRET_SCHEMES or not rest:
        raise ValueError("give a reference, not the secret itself: env:NAME, file:PATH or aws-sm:NAME#KEY")
    return value


SecretRef = Annotated[str, AfterValidator(_is_reference)]
"""A secret by reference: `env:NAME`, `file:PATH` or `aws-sm:NAME#KEY`. Read it with `context.secret`."""


class Config(BaseModel):
    """A plugin's settings, from `[plugin.NAME]` in the workflow. Unknown keys are refused."""

    # What was given may be a secret written where its reference belongs: errors must not repeat it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


PostOptionsModel = type[Config]


class Phase(StrEnum):
    """The phase in which a `post_download` plugin runs. A workflow with its plugins in another order is refused."""

    EDIT = "edit"
    """Changes the video or adds files."""
    SIGN = "sign"
    """Signs the finished bytes: nothing may change them afterwards."""
    STORE = "store"
    """Stores the finished files."""


class Plugin:
    """A base class that stores `config` and `context`. Any class with the same constructor will do.

    A class attribute that you leave out has its default.
    """

    Config: ClassVar[type[Config]] = Config
    phase: ClassVar[Phase] = Phase.EDIT
    """The phase in which `post_download` runs."""
    # A plugin that was written when there were only these would judge a clip by its words, of which most have none.
    moderates: ClassVar[tuple[Stage, ...]] = (Stage.BRIEF, Stage.PROMPT, Stage.POST)
    """The stages at which `pre_moderate` is called. By default brief, prompt and post."""
    clip_frames: ClassVar[int] = 5
    """The number of frames of a clip that `pre_moderate` gets, 0 to 32, spread evenly over the clip. A very short
    clip has fewer. The clip's thumbnail is added as the last picture."""
    costs: ClassVar[bool] = False
    """True if running a hook costs money. A dry run then leaves the plugin out and says so."""
    # A budget is only kept if what a hook may spend is reserved before it is called.
    most_per_call: ClassVar[Decimal | None] = None
    """The most that one call of a hook may cost, in US dollars, for a plugin that pays for something itself and
    reports it with `context.spent`. With a budget, this amount is reserved before each call. None: nothing is
    reserved."""
    computes: ClassVar[bool] = False
    """True if its `def` hooks only compute, and only briefly. They then run without a thread."""
    # An author who forgets it makes Reelwork ask before a post too often, never too rarely.
    public: ClassVar[bool] = True
    """False for a publisher that only writes on this machine."""
    # The least that can be claimed: an unknown outcome is held. A plugin that claims more than its service keeps
    # posts twice.
    idempotency: ClassVar[Idempotency] = Idempotency.NONE
    """The destination's means against posting twice. `LOOKUP` needs the hook `find_post`; a plugin that has the
    hook and declares nothing counts as `LOOKUP`."""
    settle_seconds: ClassVar[float] = 5.0
    """Seconds that a new post may take to show up for `find_post`."""
    # However prompt an index was before, it may lag today: on a date alone, a post was made twice.
    dated_lookups: ClassVar[bool] = True
    """For a publisher: False if the `Date` of the server's answer does not show how new that answer is. This is so
    if the list comes from an index that may lag, or if `find_post` asks for the post by a handle of its own. Then
    only a later post shows it, and nothing is looked up around the first posts."""
    # Past this time a destination may have forgotten the key, and would post again under it. So none counts for
    # ever unless the plugin says so.
    key_seconds: ClassVar[float] = 86_400.0
    """With `KEY`: the number of seconds for which the destination remembers a key. `float("inf")` if the key
    identifies the post for ever."""
    PostOptions: ClassVar[PostOptionsModel | None] = None
    """For a publisher: the model of the options that a post may have there. None: it takes no options."""
    # What it does not name it may pass over. For a post that is to appear next week Reelwork waits then.
    post_fields: ClassVar[tuple[str, ...]] = ()
    """For a publisher: which of `publish_at`, `alt_text` and `disclosure` it passes on. With `publish_at`, its
    network keeps a post until its time; without it, Reelwork waits. Without `alt_text`, an alternative text for it
    is refused before anything is sent; without `disclosure`, only `label = "refuse"` is."""
    accepts: ClassVar[Target] = Target()
    """For a publisher: the videos it takes. A plugin with `fits` adapts other videos. Without such a plugin, a
    wrong shape or length is refused before anything is sent, and a file that does not fit is not posted."""
    # Declared, since the shape that a plugin makes must be known before a render is paid for.
    fits: ClassVar[tuple[str, ...]] = ()
    """For a plugin with `post_download`: the fields of `job.target` that it adapts a video to, out of
    `aspect_ratio`, `longest`, `most_bytes` and `codecs`."""
    # A destination that takes none of them would be found after the render has been paid for.
    writes_codecs: ClassVar[tuple[str, ...]] = ()
    """For a plugin with `codecs` in `fits`: the codecs that it can write. A destination that takes none of them is
    refused before anything is sent. Empty: any codec."""
    # By default, all that a publisher would otherwise refuse for a video that a plugin is about to change.
    may_change: ClassVar[tuple[str, ...]] = ("size", "fps", "duration")
    """For a plugin with `post_download`: which of `size`, `fps` and `duration` of a video it may change. By default
    all three. A publisher's `check_brief` sees only those that no plugin of the workflow changes."""
    caption_types: ClassVar[tuple[str, ...]] = ()
    """The media types of the caption files that a publisher posts with a video, or that a plugin with
    `post_download` adds to one. A plan names those that a destination does not post. Empty: not known."""
    no_captions: ClassVar[bool] = False
    """For a publisher: True if it posts no captions. A plan says so if a plugin of the workflow adds some, and the
    receipt of a post that had some."""
    units: ClassVar[Mapping[str, Decimal]] = {}
    """The units, such as `credits`, of `post_price`, of a receipt's `cost` and of `context.spent`, each with its
    price in US dollars. A setting `units` of the plugin overrides it."""
    # Without it the video would be paid for, and the post fail.
    needs_public_address: ClassVar[bool] = False
    """True if it needs `context.public_url`, for example because its network fetches the video. A workflow whose
    storage plugins give no address is then refused before anything is sent."""
    account_fields: ClassVar[tuple[AccountField, ...]] = ()
    """The fields that `reelwork accounts add` asks for, before `sign_in` or `oauth`."""
    notes: ClassVar[tuple[str, ...]] = ()
    """Quotas and audits that a person should know about, one sentence each. `reelwork doctor` shows them."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @property
    def identity(self) -> str | None:
        """The identity that posts, as the destination knows it, such as an account's id there.

        A publisher that is renamed, or configured twice, is recognised by it as one destination. None: the account
        it signs in with counts, or else its settings.
        """
        # By this, not by the instance's name, the ledger knows a destination: one that is renamed, or configured
        # twice, would otherwise get the same post again.
        return None

    @property
    def account_name(self) -> str | None:
        """The account it signs in with. A run checks that it exists before anything is sent or paid for."""
        name = getattr(self.config, "account", None)
        return name if isinstance(name, str) and name else None

    @property
    def no_public_address(self) -> str | None:
        """For a storage plugin with `public_url`: why its settings allow no address. None: they allow one."""
        return None

    @property
    def post_note(self) -> str | None:
        """For a publisher: one sentence that a person must know about each of its posts. A plan shows it."""
        return None

    def marks_video(self, platform: Platform | None) -> bool:
        """Return whether it puts a mark, such as a logo or a name, over the videos of a platform.

        For a plugin with `post_download`. Some networks refuse such videos; their publishers read `job.marked_by`.
        It must not use the network.
        """
        return False

    async def doctor_problems(self, offline: bool) -> Iterable[Problem]:
        """Return what is wrong with what it needs, such as a service that does not answer, for `reelwork doctor`.

        A problem with `warning` is shown as a warning. It may use the network unless `offline`. It must not cost
        or post anything. A plugin that signs in with an account is not asked: `check_account` is.
        """
        return ()

    async def known_prompt(self, prompt: Prompt, job: Job) -> Prompt | None:
        """Return what `prompt_transform` would return, without paying, for a plugin that costs money.

        A dry run calls this instead of the hook. None: the prompt is not known yet, and the dry run says so. It
        must not use the network or write anything.
        """
        return None

    def post_price(self, post: Post) -> Quote | None:
        """Return the price of one post, for a publisher that is charged for posts. None: it is not known.

        A free post has a quote of 0. A post whose price is not known needs a person's consent. It is called when a
        brief is planned, with a clip that is not made yet, and again for the final post. So derive the price from
        the copy, the options, and the clip's size and length. It must not use the network.
        """
        return None
