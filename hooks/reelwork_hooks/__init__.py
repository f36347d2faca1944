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
    from reelwork_hooks.context import Cache, Context, PublicStorage, State
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
    from reelwork_hooks.plugin import Config, Phase, Plugin, SecretRef
    from reelwork_hooks.prices import Amount
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
    from reelwork_hooks.sign_in import SignsIn, SignsInByOAuth
    from reelwork_hooks.specs import hookimpl, hookspec

__all__ = [
    "Absent",
    "Account",
    "AccountField",
    "AlreadyThere",
    "Amount",
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
    "Listing",
    "NotDone",
    "NotSent",
    "OAuth",
    "OutOfFunds",
    "OutcomeUnknown",
    "Pending",
    "Phase",
    "Platform",
    "Plugin",
    "PluginInvalid",
    "PluginVersion",
    "Post",
    "PostCopy",
    "PostOutcome",
    "Price",
    "Privacy",
    "Problem",
    "Prompt",
    "Provider",
    "ProviderConfig",
    "PublicStorage",
    "Quality",
    "Quote",
    "Receipt",
    "ReelworkError",
    "Reference",
    "ReferenceRole",
    "Rejected",
    "RenderFacts",
    "RenderRef",
    "RenderRequest",
    "RenderStatus",
    "Resolution",
    "Role",
    "SecretNotFound",
    "SecretRef",
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
    "Verdict",
    "hookimpl",
    "hookspec",
]

# Names are loaded when they are first used. Building pydantic's models takes a quarter of a second, and many
# commands need none of them.
_HOMES = {
    "accounts": "Account AccountField Credentials OAuth StoredAccount Tokens",
    "context": "Cache Context PublicStorage State",
    "errors": (
        "AlreadyThere Expired InvalidInput NotSent OutOfFunds OutcomeUnknown PluginInvalid ReelworkError Rejected "
        "SecretNotFound Unavailable"
    ),
    "effects": "Absent Candidate Effect EffectState Found Idempotency Listing NotDone Unsure",
    "http": "FileSlice HttpBody HttpClient HttpFiles HttpProgress HttpResponse HttpStream",
    "models": (
        "AspectRatio Asset Brief Clip Content Disclosure Edit Frozen Job JobEvent Pending Platform PluginVersion "
        "Post PostCopy PostOutcome Privacy Problem Prompt Quality Receipt Reference ReferenceRole RenderFacts "
        "Resolution Role Shown Spec Stage Target Verdict"
    ),
    "plugin": "Config Phase Plugin SecretRef",
    "prices": "Amount",
    "provider": (
        "BytesSource Capabilities FileSource HttpSource Price Provider ProviderConfig Quote RenderRef "
        "RenderRequest RenderStatus Source Submitted"
    ),
    "sign_in": "SignsIn SignsInByOAuth",
    "specs": "hookimpl hookspec",
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
