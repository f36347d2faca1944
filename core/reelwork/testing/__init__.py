"""Tools for tests of plugins and workflows. They are part of the product, and as stable as the hooks.

Sample values, a provider that talks to a fake remote, recorded HTTP, and `call_hook`, which runs one hook as the
engine does. With pytest they are there as fixtures too: `reelwork.testing.pytest_plugin` is loaded by itself.

Names are loaded when first used, so that pytest starts as fast as it would without Reelwork.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwork.errors import HookFailed
    from reelwork.testing.clips import sample_video, write_video
    from reelwork.testing.conformance import (
        Counterpart,
        Film,
        FinishingConformance,
        ProviderConformance,
        PublisherConformance,
        StorageConformance,
        StoredFiles,
    )
    from reelwork.testing.contexts import SampleContext
    from reelwork.testing.fake_remote import (
        FakeRemote,
        Fault,
        accepted_then_crash,
        accepted_then_lost,
        entry_point,
        fake_provider,
        lost_on_the_way,
        refused_connection,
        register,
        rejected,
        too_many,
    )
    from reelwork.testing.hooks import call_hook, call_hook_async
    from reelwork.testing.ledger_trial import Publication
    from reelwork.testing.recorded_http import RecordedHttp
    from reelwork.testing.recordings import Asked
    from reelwork.testing.samples import (
        sample_brief,
        sample_clip,
        sample_content,
        sample_effect,
        sample_event,
        sample_job,
        sample_platform,
        sample_post,
        sample_prompt,
        sample_request,
    )
    from reelwork.testing.services import serving
    from reelwork.testing.studio import studio_with

__all__ = [
    "Asked",
    "Counterpart",
    "FakeRemote",
    "Fault",
    "Film",
    "FinishingConformance",
    "HookFailed",
    "ProviderConformance",
    "Publication",
    "PublisherConformance",
    "RecordedHttp",
    "SampleContext",
    "StorageConformance",
    "StoredFiles",
    "accepted_then_crash",
    "accepted_then_lost",
    "call_hook",
    "call_hook_async",
    "entry_point",
    "fake_provider",
    "lost_on_the_way",
    "refused_connection",
    "register",
    "rejected",
    "sample_brief",
    "sample_clip",
    "sample_content",
    "sample_effect",
    "sample_event",
    "sample_job",
    "sample_platform",
    "sample_post",
    "sample_prompt",
    "sample_request",
    "sample_video",
    "serving",
    "studio_with",
    "too_many",
    "write_video",
]

_HOMES = {
    "hooks": "HookFailed call_hook call_hook_async",
    "conformance": (
        "Counterpart Film FinishingConformance ProviderConformance PublisherConformance StorageConformance "
        "StoredFiles"
    ),
    "clips": "sample_video write_video",
    "contexts": "SampleContext",
    "ledger_trial": "Publication",
    "recorded_http": "RecordedHttp",
    "recordings": "Asked",
    "fake_remote": (
        "FakeRemote Fault accepted_then_crash accepted_then_lost entry_point fake_provider lost_on_the_way "
        "refused_connection register rejected too_many"
    ),
    "samples": (
        "sample_brief sample_clip sample_content sample_effect sample_event sample_job sample_platform sample_post "
        "sample_prompt sample_request"
    ),
    "services": "serving",
    "studio": "studio_with",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    # Python calls `__getattr__` for names that are not there: next time this one is.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
