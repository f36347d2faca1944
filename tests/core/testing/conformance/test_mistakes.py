"""The suites can fail: each of the usual mistakes is caught, and the author is told what to change."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import author_plugins as authors
from author_services import Service

from reelwork.testing import Counterpart, ProviderConformance, PublisherConformance, serving
from reelwork.testing.conformance.runner import Rehearsal
from reelwork_hooks import InvalidInput

PUBLISHERS: dict[Any, dict[str, str]] = {
    authors.RetriesItself: {
        "answer lost": "there are 2 posts for 1 job. publish() sent the request again within one call",
    },
    authors.CallsEverythingNotSent: {
        "answer lost": "publish() raised NotSent (it did not work: POST",
        "500 after acceptance": "Raise NotSent only with proof",
    },
    authors.ReadsOnePage: {
        "answer lost, a crowd of others after it": "find_post() answered Absent from a list of which it had not "
        "read all pages",
    },
    authors.FindsNothing: {
        "lost on the way": "find_post() answered Found and named nothing. Where nothing fits, answer a Listing",
    },
    authors.TakesNoListForEmpty: {
        "answer lost, then a web page for a look": "find_post() answered Absent though its look had gone wrong",
        "answer lost, then 503 to every look": "Answer Absent only from a complete list",
    },
    authors.TakesAnothers: {
        "lost on the way, another's is there": "the job is done, but nothing was posted for it. find_post() "
        "answered Found with 't1', which is somebody else's",
    },
    authors.MakesIdsUp: {
        "lost on the way": "publish() returned the id 'unknown' after no answer",
        "answer lost": "the job's id is 'unknown', which the other side never gave",
    },
    authors.RefusesOnTrouble: {
        "500 after acceptance": "publish() raised Rejected (answered 500)",
        "429": "the job ended as rejected instead of done",
    },
    authors.KeyNotSent: {
        "answer lost": "effect.key is not in the request",
        "delivered twice": "effect.key is not in the request",
    },
    authors.AnotherKeyEachTime: {
        "answer lost": "effect.key is in the request, but the other side did not go by it",
    },
}
PROVIDERS: dict[Any, dict[str, str]] = {
    authors.StudioWithoutKey: {
        "answer lost": "there are 2 charges for 1 job. capabilities() declares Idempotency.KEY",
    },
    authors.StudioThatGuesses: {"lost on the way": "submit() returned the id 'guess-"},
}


class WallSuite(PublisherConformance):
    name = "wall"
    service: Service

    def __init__(self, plugin: Any, *, honours_keys: bool = False) -> None:
        self.plugin = plugin  # type: ignore[misc]
        self.honours_keys = honours_keys

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = Service(honours_keys=self.honours_keys)
        with serving(service) as url:
            yield Counterpart(service.log, url, service.crowd)


class StudioSuite(ProviderConformance):
    name = "studio"
    brief: ClassVar[Mapping[str, Any]] = {"duration": 1}

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin  # type: ignore[misc]

    @contextmanager
    def counterpart(self, folder: Path) -> Iterator[Counterpart]:
        service = Service(honours_keys=True)
        with serving(service) as url:
            yield Counterpart(service.log, url)


def check(suite: Any, workers: Any, expected: dict[str, str], folder: Path) -> None:
    rehearsal = Rehearsal(suite, workers, folder, expected)
    try:
        for scene, words in expected.items():
            assert rehearsal.why_not(scene) == ""
            problem = rehearsal.problem(scene)
            assert problem.startswith(f"After {scene!r}")
            assert words in problem
    finally:
        rehearsal.close()


@pytest.mark.parametrize("plugin", PUBLISHERS, ids=lambda plugin: plugin.__name__)
def test_a_publishers_mistake_is_told(plugin: Any, reelwork_conformance_workers: Any, tmp_path: Path) -> None:
    suite = WallSuite(plugin, honours_keys=issubclass(plugin, authors.Keyed))
    check(suite, reelwork_conformance_workers, PUBLISHERS[plugin], tmp_path)


@pytest.mark.parametrize("plugin", PROVIDERS, ids=lambda plugin: plugin.__name__)
def test_a_providers_mistake_is_told(plugin: Any, reelwork_conformance_workers: Any, tmp_path: Path) -> None:
    check(StudioSuite(plugin), reelwork_conformance_workers, PROVIDERS[plugin], tmp_path)


@pytest.mark.parametrize(
    ("scenes", "told"),
    [
        (("answer los",), "There is no scene named 'answer los'. Did you mean 'answer lost'?"),
        ("429", r"Write a tuple: scenes = ('429',)"),
        (("never heard of",), "There are: nothing goes wrong; answer lost;"),
    ],
)
def test_a_scene_that_there_is_not_is_an_error_and_no_skipped_test(scenes: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        type("Suite", (ProviderConformance,), {"scenes": scenes})
    assert told in f"{raised.value.message} {raised.value.hint}"


def test_scenes_that_are_only_known_later_are_looked_at_too() -> None:
    class Suite(ProviderConformance):
        scenes = property(lambda self: ("answer los",))  # type: ignore[assignment]

    with pytest.raises(InvalidInput, match="answer los"):
        Suite().played()
