from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image
from pydantic import ValidationError

from reelwork.plugins.catalog import Catalog
from reelwork.studio.studio import Studio
from reelwork_hooks import Content, Context, Stage, Unavailable, Verdict
from reelwork_plugins.moderation.openai import (
    CATEGORIES,
    OpenaiModeration,
    OpenaiModerationConfig,
    passed,
    picture_link,
    read_findings,
)
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.moderation import WORDS

CALM, VIOLENT = "A lighthouse above a calm sea", "A murder in the rain"


def passes(verdict: Verdict | None) -> bool:
    """Whether a verdict stops nothing."""
    return verdict is None or verdict.decision == "allow"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(canned=True, render_seconds=0)) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> Iterator[RunningSimulator]:
    running.simulation.log.clear()
    yield running
    running.set_faults([])


class Scripted:
    """A service that answers every request with the same bytes, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        self.asked: list[tuple[dict[str, str], Any]] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                scripted.asked.append((headers, json.loads(body)))
                self.send_response_only(scripted.status)
                self.send_header("content-length", str(len(scripted.body)))
                self.end_headers()
                self.wfile.write(scripted.body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def says(self, *results: Any, status: int = 200) -> None:
        self.status, self.body = status, json.dumps({"id": "m", "model": "m", "results": list(results)}).encode()


@pytest.fixture
def service() -> Iterator[Scripted]:
    scripted = Scripted()
    thread = threading.Thread(target=scripted.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield scripted
    scripted.server.shutdown()
    thread.join()
    scripted.server.server_close()


Ask = Callable[..., Verdict | None]


@pytest.fixture
def ask(context_for: Callable[[str], Context], run_and_close: Any, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setattr("reelwork_plugins.moderation.openai.RETRIES", (0.01, 0.01))

    def asked(base_url: str, text: str = CALM, shown: tuple[Path, ...] = (), **config: Any) -> Verdict | None:
        settings = OpenaiModerationConfig.model_validate({"base_url": base_url, **config})
        content = Content(stage=Stage.PROMPT, text=text, negative_text="blood, gore", images=shown)
        verdict: Verdict | None = run_and_close(
            OpenaiModeration(settings, context_for("safety")).pre_moderate(content)
        )
        return verdict

    return asked


def result(flagged: bool = False, **more: Any) -> dict[str, Any]:
    return {"flagged": flagged, **more}


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1"),
        ("http://localai:8080/v1/moderations", "http://localai:8080/v1"),
        ("http://192.168.1.7/api/v3", "http://192.168.1.7/api/v3"),
    ],
)
def test_an_address_is_taken_with_or_without_the_version(given: str, normal: str) -> None:
    assert OpenaiModerationConfig(base_url=given).base_url == normal


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "api.openai.com asks for a key"),
        ({"base_url": "https://moderation.example.com"}, "moderation.example.com asks for a key"),
        ({"base_url": "http://8.8.8.8"}, "asks for a key"),
        ({"api_key": "sk-123"}, "not the secret itself"),
        ({"base_url": "ftp://localhost"}, "not an http"),
        ({"base_url": "http://u:p@localhost"}, "leave the user name and password out"),
        ({"base_url": "http://localhost?x=1"}, "must not have a query"),
        ({"block": ["hate"], "hold": ["hate"]}, "hate is in block and in hold"),
        ({"hold": ["hate"], "ignore": ["hate"]}, "hate is in hold and in ignore"),
        ({"thresholds": {"hate": 2}}, "less than or equal to 1"),
        ({"thresholds": {"hate": 0.5}, "ignore": ["hate"]}, "hate has a threshold"),
        ({"treshold": {}}, "treshold"),
    ],
)
def test_a_wrong_setting_is_explained(settings: dict[str, Any], says: str) -> None:
    given = settings if settings.get("base_url") or "asks" in says else {"api_key": "env:KEY", **settings}
    with pytest.raises(ValidationError, match=says):
        OpenaiModerationConfig.model_validate(given)


def test_it_is_free_so_a_rehearsal_asks_it() -> None:
    assert OpenaiModeration.costs is False


# --- verdicts, by the simulator ------------------------------------------------------------------------------


def test_what_is_harmless_passes(simulator: RunningSimulator, ask: Ask) -> None:
    assert passes(ask(simulator.base_url))
    (entry,) = simulator.requests()
    assert entry["fields"] == {"model": "omni-moderation-latest", "input": CALM}  # no negative prompt


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_category_is_rejected_by_name(simulator: RunningSimulator, ask: Ask, category: str) -> None:
    word = next(iter(WORDS[category]))
    verdict = ask(simulator.base_url, f"A film: {word}!")
    assert verdict is not None
    assert verdict.decision == "reject"
    assert category in verdict.categories


def test_the_reason_tells_category_and_score(simulator: RunningSimulator, ask: Ask) -> None:
    verdict = ask(simulator.base_url, VIOLENT)
    assert verdict == Verdict.reject("omni-moderation-latest flagged it: violence (0.92)", "violence").replace(
        flagged=("the prompt",), scores={"violence": 0.92}
    )


@pytest.mark.parametrize(
    ("settings", "decision"),
    [
        ({"hold": ["violence"]}, "hold"),
        ({"ignore": ["violence"]}, "allow"),
        ({"block": ["hate"]}, "hold"),  # flagged, and in no list
        ({"block": ["violence"]}, "reject"),
        ({"thresholds": {"violence": 0.99}}, "reject"),  # a threshold is never milder than the service
    ],
)
def test_the_lists_decide(simulator: RunningSimulator, ask: Ask, settings: dict[str, Any], decision: str) -> None:
    verdict = ask(simulator.base_url, VIOLENT, **settings)
    assert (verdict.decision if verdict else "allow") == decision


def test_a_rejection_goes_before_a_hold(simulator: RunningSimulator, ask: Ask) -> None:
    verdict = ask(simulator.base_url, "murder and counterfeit money", hold=["violence"])
    assert verdict is not None
    assert (verdict.decision, verdict.categories) == ("reject", ("illicit",))


@pytest.mark.parametrize(
    ("settings", "decision"),
    [
        ({}, "allow"),
        ({"thresholds": {"violence": 0.3}}, "reject"),
        ({"thresholds": {"violence": 0.3}, "hold": ["violence"]}, "hold"),
        ({"thresholds": {"violence": 0.36}}, "allow"),
    ],
)
def test_a_threshold_is_stricter_than_the_service(
    simulator: RunningSimulator, ask: Ask, settings: dict[str, Any], decision: str
) -> None:
    verdict = ask(simulator.base_url, "two clowns in a fistfight", **settings)
    assert (verdict.decision if verdict else "allow") == decision


# --- pictures -----------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first.png", tmp_path / "second.jpg"
    Image.new("RGBA", (3000, 1500), (200, 40, 40, 128)).save(first)
    Image.new("RGB", (60, 90), (10, 90, 200)).save(second)
    return first, second


def test_pictures_go_small_and_one_at_a_time(service: Scripted, ask: Ask, pictures: tuple[Path, Path]) -> None:
    service.says(result())
    assert ask(service.url, CALM, pictures) is None
    bodies = [body["input"] for _, body in service.asked]
    assert [[part["type"] for part in parts] for parts in bodies] == [["text", "image_url"], ["image_url"]]
    assert bodies[0][0]["text"] == CALM
    sizes = []
    for parts in bodies:
        link = parts[-1]["image_url"]["url"]
        assert link.startswith("data:image/jpeg;base64,")
        with Image.open(io.BytesIO(base64.b64decode(link.partition(",")[2]))) as image:
            sizes.append(image.size)
    assert sizes == [(1024, 512), (60, 90)]


def test_nothing_but_the_pixels_of_a_picture_is_sent(tmp_path: Path) -> None:
    notes = Image.Exif()
    notes[0x9286] = "the back door of Anna's house"
    path = tmp_path / "noted.jpg"
    Image.new("RGB", (32, 32)).save(path, "JPEG", comment=b"Anna's house", exif=notes, icc_profile=b"Anna's screen")
    sent = base64.b64decode(picture_link(path).partition(",")[2])
    assert b"Anna" in path.read_bytes()
    assert b"Anna" not in sent


def test_a_picture_alone_can_be_flagged(service: Scripted, ask: Ask, pictures: tuple[Path, Path]) -> None:
    service.says(result(flagged=True, categories={"sexual": True}))
    verdict = ask(service.url, "", pictures[:1])
    assert verdict is not None
    assert verdict.categories == ("sexual",)
    assert len(service.asked) == 1


@pytest.mark.parametrize("settings", [{"images": False}, {"model": "text-moderation-stable"}])
def test_pictures_are_sent_only_where_they_are_wanted_and_understood(
    service: Scripted, ask: Ask, pictures: tuple[Path, Path], settings: dict[str, Any]
) -> None:
    service.says(result())
    assert ask(service.url, CALM, pictures, **settings) is None
    assert [body["input"] for _, body in service.asked] == [CALM]


def test_the_simulator_takes_pictures(simulator: RunningSimulator, ask: Ask, pictures: tuple[Path, Path]) -> None:
    verdict = ask(simulator.base_url, VIOLENT, pictures)
    assert verdict is not None
    assert verdict.categories == ("violence",)
    assert len(simulator.requests()) == 2


def test_a_picture_that_cannot_be_read_holds(service: Scripted, ask: Ask, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(Unavailable, match=r"cannot read the picture broken\.png"):
        ask(service.url, CALM, (broken,))
    assert service.asked == []


def test_nothing_to_look_at_asks_nothing(service: Scripted, ask: Ask) -> None:
    assert ask(service.url, "  \n") is None
    assert service.asked == []


# --- what other servers answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "decision", "categories"),
    [
        (result(), "allow", ()),
        (result(categories=None, category_scores=None), "allow", ()),
        (result(categories={"hate": None, "violence": False}), "allow", ()),
        (result(flagged=True, categories={"hate": None, "violence": True}), "reject", ("violence",)),
        (result(flagged=True, categories={"hate": None}), "reject", ("flagged",)),
        (result(flagged=True), "reject", ("flagged",)),
        (result(flagged=False, categories={"hate": True}), "reject", ("hate",)),
        (result(flagged=True, categories={"spam": True}), "hold", ("spam",)),
        (result(categories={}, category_scores={"hate": None}), "allow", ()),
    ],
)
def test_null_categories_and_missing_scores_are_understood(
    service: Scripted, ask: Ask, answered: dict[str, Any], decision: str, categories: tuple[str, ...]
) -> None:
    service.says(answered)
    verdict = ask(service.url)
    assert (verdict.decision if verdict else "allow") == decision
    assert (verdict.categories if verdict else ()) == categories


@pytest.mark.parametrize(
    ("results", "settings"),
    [
        ([], {}),
        (["x"], {}),
        ([{}], {}),
        ([{"flagged": "false"}], {}),
        ([{"flagged": False, "categories": ["hate"]}], {}),
        ([{"flagged": False, "categories": {"hate": "yes"}}], {}),
        ([{"flagged": False}], {"thresholds": {"hate": 0.5}}),
        ([{"flagged": False, "category_scores": {"hate": None}}], {"thresholds": {"hate": 0.5}}),
    ],
)
def test_an_answer_that_does_not_say_clearly_holds(
    service: Scripted, ask: Ask, results: list[Any], settings: dict[str, Any]
) -> None:
    service.says(*results)
    with pytest.raises(Unavailable, match=r"an answer that cannot be used: .*`reelwork resume` asks again"):
        ask(service.url, **settings)


def test_the_simulators_bare_answer_is_understood(simulator: RunningSimulator, ask: Ask) -> None:
    simulator.set_faults(["moderation:bare"])
    assert passes(ask(simulator.base_url))
    verdict = ask(simulator.base_url, VIOLENT)
    assert verdict is not None
    assert (verdict.decision, verdict.categories) == ("reject", ("flagged",))
    with pytest.raises(Unavailable, match="gives no score for violence"):
        ask(simulator.base_url, thresholds={"violence": 0.5})


# --- outages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("moderation:500", "answered 500: Internal Server Error"),
        ("moderation:429", "answered 429"),
        ("moderation:html", "an answer that cannot be used"),
        ("moderation:drop", "could not be asked"),
        ("moderation:400", "answered 400"),
        ("moderation:401", "answered 401: check api_key"),
        ("moderation:404", "answered 404"),
    ],
)
def test_a_service_that_fails_holds_and_says_how_to_go_on(
    simulator: RunningSimulator, ask: Ask, fault: str, says: str
) -> None:
    simulator.set_faults([fault])
    with pytest.raises(Unavailable) as held:
        ask(simulator.base_url)
    assert says in held.value.message
    assert simulator.base_url in held.value.message
    assert held.value.message.endswith(". `reelwork resume` asks again")
    # What may pass is asked three times, which does no harm; the rest once.
    assert len(simulator.requests()) == (3 if fault[11:] in ("500", "429", "drop") else 1)


def test_a_short_outage_is_got_over(simulator: RunningSimulator, ask: Ask) -> None:
    simulator.set_faults(["moderation:503*1", "moderation:drop*1"])
    assert passes(ask(simulator.base_url))
    assert [entry["status"] for entry in simulator.requests()] == [503, None, 200]


def test_a_slow_service_holds(simulator: RunningSimulator, ask: Ask) -> None:
    simulator.set_faults(["moderation:slow=30"])
    with pytest.raises(Unavailable):
        ask(simulator.base_url, timeout=0.2)


def test_nobody_there_holds(ask: Ask, service: Scripted) -> None:
    service.server.server_close()
    with pytest.raises(Unavailable, match="could not be asked"):
        ask(service.url)


def test_the_key_is_sent_and_never_told(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = SimulatorSettings(api_key="sk-right-1")
    with run_simulator(settings) as simulator:
        monkeypatch.setenv("KEY", "sk-right-1")
        assert passes(ask(simulator.base_url, api_key="env:KEY"))
        monkeypatch.setenv("KEY", "sk-wrong-1")
        with pytest.raises(Unavailable, match=r"answered 401: check api_key \(env:KEY\)") as refused:
            ask(simulator.base_url, api_key="env:KEY")
        with pytest.raises(Unavailable, match="none is set"):
            ask(simulator.base_url)
        monkeypatch.delenv("KEY")
        with pytest.raises(Unavailable, match="KEY"):
            ask(simulator.base_url, api_key="env:KEY")
    assert "sk-wrong-1" not in refused.value.explained()


# --- the simulator, by the official client ------------------------------------------------------------------


def test_the_official_client_reads_the_simulators_answer(simulator: RunningSimulator) -> None:
    with openai.OpenAI(base_url=f"{simulator.base_url}/v1", api_key="k", max_retries=0) as sdk:
        one = sdk.moderations.create(input=VIOLENT)
        several = sdk.moderations.create(input=[CALM, VIOLENT, "counterfeit"], model="omni-moderation-2024-09-26")
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "PNG")
        link = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        shown = sdk.moderations.create(
            input=[{"type": "text", "text": CALM}, {"type": "image_url", "image_url": {"url": link}}]
        )
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            sdk.moderations.create(input="x", model="none")
        with pytest.raises(openai.BadRequestError):
            sdk.moderations.create(input=[])
    assert one.results[0].flagged is True
    assert one.results[0].categories.violence is True
    assert one.results[0].category_scores.violence == 0.92
    assert set(one.results[0].categories.model_dump(by_alias=True)) == set(CATEGORIES)
    assert (several.model, [each.flagged for each in several.results]) == (
        "omni-moderation-2024-09-26",
        [False, True, True],
    )
    assert shown.results[0].category_applied_input_types.sexual == ["text", "image"]
    assert shown.results[0].category_applied_input_types.hate == ["text"]


# --- a whole workflow ---------------------------------------------------------------------------------------


MakeStudio = Callable[..., Studio]


@pytest.fixture
def make_studio(tmp_path: Path, simulator: RunningSimulator) -> Iterator[MakeStudio]:
    """Makes a studio with these settings of the moderation, which asks the simulator unless they say otherwise."""
    with ExitStack() as stack:

        def made(**settings: Any) -> Studio:
            catalog = Catalog()
            catalog.add("openai-moderation", OpenaiModeration)
            safety = {"use": "openai-moderation", "base_url": simulator.base_url, "timeout": 20, **settings}
            workflow = {
                "provider": {
                    "use": "videos-api", "base_url": simulator.base_url, "model": "sora-2", "price_per_second": 0,
                    "poll_interval": 0.05,
                },
                "plugins": {
                    "pre_moderate": ["safety"], "prompt_transform": [], "post_download": [], "publish": [],
                },
                "plugin": {"safety": safety},
                "brief": {"duration": 4, "resolution": "720p"},
            }  # fmt: skip
            store, out = tmp_path / "store.db", tmp_path / "out"
            return stack.enter_context(Studio(workflow, store=store, out=out, catalog=catalog))

        yield made


@pytest.fixture
def studio(make_studio: MakeStudio) -> Studio:
    return make_studio()


def creates(simulator: RunningSimulator) -> int:
    return sum(1 for entry in simulator.requests(method="POST") if entry["operation"] == "create")


@pytest.mark.parametrize("fault", ["moderation:500", "moderation:html", "moderation:slow=60", "moderation:drop"])
def test_an_outage_holds_a_workflow_which_goes_on_after_resume(
    make_studio: MakeStudio, simulator: RunningSimulator, fault: str
) -> None:
    studio = make_studio(timeout=3 if "slow" in fault else 20)
    simulator.set_faults([fault])
    (job,) = studio.run_sync(CALM).jobs
    assert job.status == "held"
    assert "moderation" in job.reason
    assert "`reelwork resume`" in job.reason
    assert "Nothing was spent" in job.reason
    assert creates(simulator) == 0
    (still,) = studio.resume_sync(job.id).jobs
    assert still.status == "held"
    simulator.set_faults([])
    (done,) = studio.resume_sync(job.id).jobs
    assert (done.status, creates(simulator)) == ("done", 1)


def test_a_flagged_brief_is_rejected_and_costs_nothing(studio: Studio, simulator: RunningSimulator) -> None:
    (job,) = studio.run_sync(VIOLENT).jobs
    assert job.status == "rejected"
    assert "violence (0.92)" in job.reason
    assert creates(simulator) == 0


def test_a_dry_run_asks_it_too(studio: Studio, simulator: RunningSimulator) -> None:
    rehearsal = studio.rehearse_sync(VIOLENT)
    assert rehearsal.jobs[0].verdict is not None
    assert rehearsal.jobs[0].verdict.decision == "reject"
    assert creates(simulator) == 0
    assert rehearsal.skipped == ()  # it is free of charge


def test_frames_of_the_video_are_sent_when_they_are_asked_for(make_studio: MakeStudio, service: Scripted) -> None:
    service.says(result())
    studio = make_studio(base_url=service.url, frames=2, ignore=["violence"])
    rehearsal = studio.rehearse_sync(CALM)
    assert [(look.plugin, look.frames, look.costs) for look in rehearsal.looks] == [("safety", 2, False)]
    service.asked.clear()
    assert studio.run_sync(CALM).ok
    asked = [body["input"] for _, body in service.asked]
    kinds = [[part["type"] for part in given] for given in asked if isinstance(given, list)]
    assert kinds == [["image_url"], ["image_url"]]


def test_frames_need_a_model_that_is_shown_pictures() -> None:
    with pytest.raises(ValidationError, match="frames are pictures"):
        OpenaiModerationConfig.model_validate({"base_url": "http://127.0.0.1:1", "model": "text", "frames": 1})


def test_what_passes_has_the_highest_score_of_what_counts() -> None:
    scores = {"violence": 0.31, "hate": 0.6}
    findings = read_findings({"results": [{"flagged": False, "category_scores": scores}]}, {})
    config = OpenaiModerationConfig(base_url="http://127.0.0.1:1/v1", ignore=("hate",))
    verdict = passed(findings, config)
    assert verdict is not None
    assert (verdict.decision, verdict.score) == ("allow", 0.31)
    assert passed(read_findings({"results": [{"flagged": False}]}, {}), config) is None
