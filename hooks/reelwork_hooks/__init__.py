"""The contract between Reelwork and its plugins: hooks, frozen values, providers, effects, errors."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwork_hooks.accounts import (
        Account,
        AccountField,
        Credentials,
        OAuth,
        StoredAccount,
        Tokens,
    )
    from reelwork_hooks.addresses import (
        HttpAddress,
        http_address,
        is_loopback,
        origin_of,
    )
    from reelwork_hooks.answers import (
        Answer,
        number_of,
        text_at,
        time_of,
        value_at,
    )
    from reelwork_hooks.context import (
        Cache,
        Context,
        PublicStorage,
        State,
    )
    from reelwork_hooks.effects import (
        Absent,
        Candidate,
        Effect,
        EffectState,
        Found,
        Idempotency,
        Listing,
        NotDone,
        Unsure,
    )
    from reelwork_hooks.errors import (
        AlreadyThere,
        Expired,
        InvalidInput,
        NotSent,
        OutcomeUnknown,
        OutOfFunds,
        PluginInvalid,
        ReelworkError,
        Rejected,
        SecretNotFound,
        Unavailable,
        errors_as,
    )
    from reelwork_hooks.http import (
        FileSlice,
        HttpBody,
        HttpClient,
        HttpFiles,
        HttpProgress,
        HttpResponse,
        HttpStream,
    )
    from reelwork_hooks.known_models import (
        KnownModel,
        LengthForm,
        ModelPart,
        ModelSettings,
    )
    from reelwork_hooks.lengths import (
        Counting,
        has_address,
        text_length,
        x_weight,
    )
    from reelwork_hooks.links import (
        video_links,
    )
    from reelwork_hooks.listings import (
        Page,
        poll_each,
        read_listing,
    )
    from reelwork_hooks.models import (
        AspectRatio,
        Asset,
        Brief,
        Clip,
        Content,
        Disclosure,
        Edit,
        Frozen,
        Job,
        JobEvent,
        Pending,
        Platform,
        PluginVersion,
        Post,
        PostCopy,
        PostOutcome,
        Privacy,
        Problem,
        Prompt,
        ProviderManifest,
        Quality,
        Receipt,
        Reference,
        ReferenceRole,
        RenderFacts,
        Resolution,
        Role,
        Shown,
        Spec,
        Stage,
        Target,
        Verdict,
    )
    from reelwork_hooks.notes import (
        Note,
    )
    from reelwork_hooks.pictures import (
        Picture,
        is_url,
        read_picture,
    )
    from reelwork_hooks.plugin import (
        Config,
        Phase,
        Plugin,
        SecretRef,
    )
    from reelwork_hooks.prices import (
        Amount,
        PriceList,
    )
    from reelwork_hooks.provider import (
        BytesSource,
        Capabilities,
        FileSource,
        HttpSource,
        Price,
        Provider,
        ProviderConfig,
        Quote,
        RenderRef,
        RenderRequest,
        RenderStatus,
        Source,
        Submitted,
    )
    from reelwork_hooks.refusals import (
        Meaning,
        Refusals,
        comes_from_repeater,
        says_exists,
        says_no_funds,
    )
    from reelwork_hooks.service import (
        Service,
        read_key,
    )
    from reelwork_hooks.sign_in import (
        SignsIn,
        SignsInByOAuth,
    )
    from reelwork_hooks.specs import (
        hookimpl,
        hookspec,
    )
    from reelwork_hooks.uploads import (
        ResumableUpload,
        UploadDone,
        UploadGone,
        UploadOpen,
        UploadStatus,
    )
    from reelwork_hooks.webhooks import (
        Genuine,
        Webhook,
        WebhookConfig,
        WebhookScheme,
        is_signed,
        render_ids,
        signature_headers,
        signing_key,
    )

__all__ = [
    "Absent",
    "Account",
    "AccountField",
    "AlreadyThere",
    "Amount",
    "Answer",
    "AspectRatio",
    "Asset",
    "Brief",
    "BytesSource",
    "Cache",
    "Candidate",
    "Capabilities",
    "Clip",
    "Config",
    "Content",
    "Context",
    "Counting",
    "Credentials",
    "Disclosure",
    "Edit",
    "Effect",
    "EffectState",
    "Expired",
    "FileSlice",
    "FileSource",
    "Found",
    "Frozen",
    "Genuine",
    "HttpAddress",
    "HttpBody",
    "HttpClient",
    "HttpFiles",
    "HttpProgress",
    "HttpResponse",
    "HttpSource",
    "HttpStream",
    "Idempotency",
    "InvalidInput",
    "Job",
    "JobEvent",
    "KnownModel",
    "LengthForm",
    "Listing",
    "Meaning",
    "ModelPart",
    "ModelSettings",
    "NotDone",
    "NotSent",
    "Note",
    "OAuth",
    "OutOfFunds",
    "OutcomeUnknown",
    "Page",
    "Pending",
    "Phase",
    "Picture",
    "Platform",
    "Plugin",
    "PluginInvalid",
    "PluginVersion",
    "Post",
    "PostCopy",
    "PostOutcome",
    "Price",
    "PriceList",
    "Privacy",
    "Problem",
    "Prompt",
    "Provider",
    "ProviderConfig",
    "ProviderManifest",
    "PublicStorage",
    "Quality",
    "Quote",
    "Receipt",
    "ReelworkError",
    "Reference",
    "ReferenceRole",
    "Refusals",
    "Rejected",
    "RenderFacts",
    "RenderRef",
    "RenderRequest",
    "RenderStatus",
    "Resolution",
    "ResumableUpload",
    "Role",
    "SecretNotFound",
    "SecretRef",
    "Service",
    "Shown",
    "SignsIn",
    "SignsInByOAuth",
    "Source",
    "Spec",
    "Stage",
    "State",
    "StoredAccount",
    "Submitted",
    "Target",
    "Tokens",
    "Unavailable",
    "Unsure",
    "UploadDone",
    "UploadGone",
    "UploadOpen",
    "UploadStatus",
    "Verdict",
    "Webhook",
    "WebhookConfig",
    "WebhookScheme",
    "comes_from_repeater",
    "errors_as",
    "has_address",
    "hookimpl",
    "hookspec",
    "http_address",
    "is_loopback",
    "is_signed",
    "is_url",
    "number_of",
    "origin_of",
    "poll_each",
    "read_key",
    "read_listing",
    "read_picture",
    "render_ids",
    "says_exists",
    "says_no_funds",
    "signature_headers",
    "signing_key",
    "text_at",
    "text_length",
    "time_of",
    "value_at",
    "video_links",
    "x_weight",
]

# Names are loaded when they are first used. Building pydantic's models takes a quarter of a second, and many
# commands need none of them.
_HOMES = {
    "accounts": "Account AccountField Credentials OAuth StoredAccount Tokens",
    "addresses": "HttpAddress http_address is_loopback origin_of",
    "answers": "Answer number_of text_at time_of value_at",
    "context": "Cache Context PublicStorage State",
    "effects": "Absent Candidate Effect EffectState Found Idempotency Listing NotDone Unsure",
    "errors": (
        "AlreadyThere Expired InvalidInput NotSent OutOfFunds OutcomeUnknown PluginInvalid ReelworkError "
        "Rejected SecretNotFound Unavailable errors_as"
    ),
    "http": "FileSlice HttpBody HttpClient HttpFiles HttpProgress HttpResponse HttpStream",
    "known_models": "KnownModel LengthForm ModelPart ModelSettings",
    "lengths": "Counting has_address text_length x_weight",
    "links": "video_links",
    "listings": "Page poll_each read_listing",
    "models": (
        "AspectRatio Asset Brief Clip Content Disclosure Edit Frozen Job JobEvent Pending Platform "
        "PluginVersion Post PostCopy PostOutcome Privacy Problem Prompt ProviderManifest Quality Receipt "
        "Reference ReferenceRole RenderFacts Resolution Role Shown Spec Stage Target Verdict"
    ),
    "notes": "Note",
    "pictures": "Picture is_url read_picture",
    "plugin": "Config Phase Plugin SecretRef",
    "prices": "Amount PriceList",
    "provider": (
        "BytesSource Capabilities FileSource HttpSource Price Provider ProviderConfig Quote RenderRef "
        "RenderRequest RenderStatus Source Submitted"
    ),
    "refusals": "Meaning Refusals comes_from_repeater says_exists says_no_funds",
    "service": "Service read_key",
    "sign_in": "SignsIn SignsInByOAuth",
    "specs": "hookimpl hookspec",
    "uploads": "ResumableUpload UploadDone UploadGone UploadOpen UploadStatus",
    "webhooks": "Genuine Webhook WebhookConfig WebhookScheme is_signed render_ids signature_headers signing_key",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    # Python asks here only for names that the module does not have: from now on it has this one.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
