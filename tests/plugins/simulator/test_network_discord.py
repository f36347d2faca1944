"""The simulated Discord, asked by a client of others: discord-webhook. And by a person who rehearses a workflow."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from discord_webhook import DiscordWebhook
from tests.plugins.simulator.person import Person

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.discord.channel import GUILD, HOOKS, LARGEST_FILE
from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN

SETTINGS = SimulatorSettings(network="discord", rate_limits=False)
TEXT, FORUM = HOOKS
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 1
resolution = "480p"
title = "First light"

[provider]
use = "preview"

[plugins]
publish = ["discord"]

[plugin.discord]
account = "rehearsal"
"""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_video(path)
    return path.read_bytes()


def url_of(simulator: RunningSimulator, hook: str = TEXT.id, token: str = OPEN_TOKEN) -> str:
    return f"{simulator.base_url}/api/webhooks/{hook}/{token}"


def test_a_client_posts_reads_and_deletes(simulator: RunningSimulator, film: bytes) -> None:
    client = DiscordWebhook(url=url_of(simulator), content="Dawn <3", username="Boats", thread_id=TEXT.threads[0])
    client.add_file(file=film, filename="film.mp4")
    made = client.execute().json()
    assert (made["content"], made["author"]["username"], made["channel_id"]) == (
        "Dawn <3",
        "Boats",
        TEXT.threads[0],
    )
    [attached] = made["attachments"]
    assert (attached["filename"], attached["size"]) == ("film.mp4", len(film))
    assert attached["width"] > 0
    assert httpx.get(attached["url"]).content == film
    assert httpx.get(f"{url_of(simulator)}/messages/{made['id']}").json() == made
    page = httpx.get(f"{simulator.base_url}/channels/{GUILD}/{TEXT.threads[0]}/{made['id']}")
    assert "Dawn &lt;3" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert client.delete().status_code == 204
    assert httpx.get(f"{url_of(simulator)}/messages/{made['id']}").json() == {
        "message": "Unknown Message",
        "code": 10008,
    }


def test_a_webhook_tells_what_it_is(simulator: RunningSimulator) -> None:
    told = httpx.get(url_of(simulator)).json()
    assert (told["id"], told["type"], told["guild_id"], told["channel_id"]) == (TEXT.id, 1, GUILD, TEXT.channel)
    for url, status, code in (
        (url_of(simulator, "1" * 18), 404, 10015),
        (url_of(simulator, token="x"), 401, 50027),
    ):
        refused = httpx.get(url)
        assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_without_wait_nothing_is_told_of_the_message(simulator: RunningSimulator) -> None:
    before = len(simulator.posts())
    answer = httpx.post(url_of(simulator), json={"content": "Dawn"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert len(simulator.posts()) == before + 1


def test_a_forum_gets_threads(simulator: RunningSimulator) -> None:
    made = DiscordWebhook(url=url_of(simulator, FORUM.id), content="Dawn", thread_name="Boats").execute().json()
    again = {"content": "Dusk"}
    place = f"{url_of(simulator, FORUM.id)}?wait=true&thread_id={made['channel_id']}"
    assert httpx.post(place, json=again).json()["channel_id"] == made["channel_id"]


@pytest.mark.parametrize(
    ("hook", "payload", "query", "status", "code"),
    [
        (TEXT, {"content": "x" * 2001}, "", 400, 50035),
        # A flag is two code points.
        (TEXT, {"content": "x" * 1999 + "🇦🇲"}, "", 400, 50035),
        (TEXT, {"content": "  "}, "", 400, 50006),
        (TEXT, {"content": "x", "username": "u" * 81}, "", 400, 50035),
        (TEXT, {"content": "x", "thread_name": "t"}, "", 400, 220003),
        (TEXT, {"content": "x"}, "&thread_id=1", 404, 10003),
        (FORUM, {"content": "x"}, "", 400, 220001),
        (FORUM, {"content": "x", "thread_name": "t"}, f"&thread_id={FORUM.threads[0]}", 400, 220002),
        (TEXT, {"content": "x", "attachments": [{"id": 0, "description": "d" * 1025}]}, "", 400, 50035),
    ],
)
def test_what_discord_refuses(
    simulator: RunningSimulator, hook: Any, payload: dict[str, Any], query: str, status: int, code: int
) -> None:
    before = len(simulator.posts())
    answer = httpx.post(f"{url_of(simulator, hook.id)}?wait=true{query}", json=payload)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(simulator.posts()) == before


@pytest.mark.parametrize("size", [LARGEST_FILE + 1, LARGEST_FILE + (9 << 20)])
def test_a_file_that_is_too_large(simulator: RunningSimulator, size: int) -> None:
    answer = httpx.post(
        f"{url_of(simulator)}?wait=true",
        data={"payload_json": json.dumps({"content": "x"})},
        files={"files[0]": ("a.mp4", bytes(size), "video/mp4")},
    )
    assert (answer.status_code, answer.json()) == (413, {"message": "Request entity too large", "code": 40005})


def test_two_thousand_code_points_are_taken(simulator: RunningSimulator) -> None:
    answer = httpx.post(f"{url_of(simulator)}?wait=true", json={"content": "🚢" * 2000})
    assert answer.status_code == 200


def test_the_sixth_post_of_two_seconds_is_told_when_to_come_back() -> None:
    with run_simulator(SimulatorSettings(network="discord")) as simulator, httpx.Client() as client:
        answers = [client.post(f"{url_of(simulator)}?wait=true", json={"content": "x"}) for _ in range(40)]
    first, refused = answers[0], next(one for one in answers if one.status_code == 429)
    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("5", "4")
    assert 0 < float(first.headers["x-ratelimit-reset-after"]) <= 2
    told = refused.json()
    assert (told["message"], told["global"]) == ("You are being rate limited.", False)
    assert 0 < told["retry_after"] <= 2
    assert float(refused.headers["retry-after"]) == told["retry_after"]


@pytest.mark.slow
def test_a_person_adds_an_account_and_posts_and_an_answer_is_lost(
    simulator: RunningSimulator, person: Person
) -> None:
    def says(*words: str, code: int = 0) -> str:
        done = person.runs(*words)
        assert done.exit_code == code, done.output
        assert OPEN_TOKEN not in done.output
        return done.output

    secret = person.folder / "webhook.txt"
    secret.write_text(url_of(simulator))
    field = f"webhook=file:{secret}"
    assert "Rehearsal" in says("accounts", "add", "discord", "--name", "rehearsal", "--field", field)
    assert "posts would work" in says("accounts", "check", "rehearsal")
    (person.folder / "flow.toml").write_text(FLOW)
    assert "discord cannot be asked what was posted" in says("plan", "flow.toml")
    before = len(simulator.posts())
    assert f"published  discord: {simulator.base_url}/channels/{GUILD}/" in says("run", "flow.toml", "--yes")
    simulator.set_faults(["publish:accept-then-drop"])
    held = says("run", "flow.toml", "--yes", "--set", "brief.seed=7", code=3)
    assert "It may have been carried out, so it is not sent again" in held
    simulator.set_faults([])
    says("resume", code=3)
    assert len(simulator.posts()) == before + 2
    simulator.set_faults(["rights:missing"])
    assert "the webhook was deleted" in says("doctor", "flow.toml", code=1)
    kept = [path.read_bytes() for path in person.folder.glob("store.db*") if path.is_file()]
    assert kept
    assert not [one for one in kept if OPEN_TOKEN.encode() in one]
