"""The simulated LinkedIn: what it takes, what it refuses, and a person who rehearses a workflow with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest
from tests.plugins.simulator.person import Person, answers

from reelwork.testing import write_video
from reelwork_plugins.simulator import RunningSimulator, SimulatorSettings, run_simulator
from reelwork_plugins.simulator.networks.linkedin.handlers import Linkedin
from reelwork_plugins.simulator.networks.linkedin.rules import (
    PAGE,
    PAGE_NUMBER,
    PAGE_SCOPES,
    PERSON,
    PERSON_SCOPES,
    person_id,
    shown_text,
)
from reelwork_plugins.simulator.networks.tokens import ANYONE, Token

ME, OUR_PAGE = f"{PERSON}{person_id(ANYONE)}", f"{PAGE}{PAGE_NUMBER}"
HEADS = {
    "authorization": "Bearer rehearsal-token",
    "linkedin-version": "202605",
    "x-restli-protocol-version": "2.0.0",
}
LIST = f"/rest/posts?q=author&author={quote(OUR_PAGE, safe='')}&count=100"
PART = 40_000
FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
title = "First light"
duration = 4

[provider]
use = "preview"

[plugins]
publish = ["linkedin"]

[plugin.linkedin]
account = "rehearsal"
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSimulator]:
    with run_simulator(SimulatorSettings(network="linkedin", render_seconds=0)) as running:
        played(running).feed.part = PART
        yield running


def played(simulator: RunningSimulator) -> Linkedin:
    network = simulator.simulation.network
    assert isinstance(network, Linkedin)
    return network


@pytest.fixture
def simulator(shared: RunningSimulator) -> RunningSimulator:
    shared.set_faults([])
    return shared


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=simulator.base_url, headers=HEADS, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("linkedin") / "film.mp4"
    made = write_video(path, seconds=3, width=320, height=240).read_bytes()
    return made + (90_000).to_bytes(4, "big") + b"free" + bytes(89_992)


def told(answer: httpx.Response) -> tuple[int, str]:
    problem = answer.json()
    inner = problem.get("errorDetails")
    return answer.status_code, inner["inputErrors"][0]["code"] if inner else problem["code"]


def begun(client: httpx.Client, size: int, owner: str = OUR_PAGE) -> httpx.Response:
    asked = {"owner": owner, "fileSizeBytes": size, "uploadCaptions": False, "uploadThumbnail": False}
    return client.post("/rest/videos?action=initializeUpload", json={"initializeUploadRequest": asked})


def sent(part: dict[str, Any], film: bytes, *, short: int = 0) -> httpx.Response:
    content = film[part["firstByte"] : part["lastByte"] + 1 - short]
    head = {"content-type": "application/octet-stream"}
    # Without the token: whoever has the address may send.
    return httpx.put(part["uploadUrl"], content=content, headers=head, timeout=20)


def ended(client: httpx.Client, video: str, etags: list[str]) -> httpx.Response:
    asked = {"video": video, "uploadToken": "", "uploadedPartIds": etags}
    return client.post("/rest/videos?action=finalizeUpload", json={"finalizeUploadRequest": asked})


def uploaded(client: httpx.Client, film: bytes, owner: str = OUR_PAGE) -> str:
    made = begun(client, len(film), owner).raise_for_status().json()["value"]
    etags = [sent(part, film).headers["etag"] for part in made["uploadInstructions"]]
    ended(client, made["video"], etags).raise_for_status()
    return str(made["video"])


def post(text: str, video: str, author: str = OUR_PAGE, **more: Any) -> dict[str, Any]:
    whole = {
        "author": author,
        "commentary": text,
        "visibility": "PUBLIC",
        "distribution": {"feedDistribution": "MAIN_FEED"},
        "content": {"media": {"id": video}},
        "lifecycleState": "PUBLISHED",
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def test_parts_have_their_size_and_are_named_in_order(client: httpx.Client, film: bytes) -> None:
    made = begun(client, len(film)).json()["value"]
    parts = made["uploadInstructions"]
    assert [parts[0]["firstByte"], parts[0]["lastByte"], parts[-1]["lastByte"]] == [0, PART - 1, len(film) - 1]
    assert made["uploadUrlsExpireAt"] > time.time() * 1000
    assert sent(parts[0], film, short=1).status_code == 400
    etags = [sent(part, film).headers["etag"] for part in parts]
    assert sent(parts[1], film).headers["etag"] == etags[1]
    video = f"/rest/videos/{quote(made['video'], safe='')}"
    assert client.get(video).json()["status"] == "WAITING_UPLOAD"
    wrong = (etags[:-1], etags[::-1], [one.strip('"') for one in etags])
    assert [ended(client, made["video"], one).status_code for one in wrong] == [400] * 3
    assert ended(client, made["video"], etags).status_code == 200
    assert client.get(video).json()["status"] == "AVAILABLE"
    assert (ended(client, made["video"], etags).status_code, sent(parts[0], film).status_code) == (400, 400)


def test_addresses_end(client: httpx.Client, simulator: RunningSimulator, film: bytes) -> None:
    made = begun(client, len(film)).json()["value"]
    played(simulator).feed.change(made["video"].rpartition(":")[2], at=time.time() - 86_401)
    assert sent(made["uploadInstructions"][0], film).status_code == 403


def test_a_post_is_named_in_a_header_and_listed(client: httpx.Client, film: bytes) -> None:
    video = uploaded(client, film)
    made = client.post("/rest/posts", json=post("Gulls & boats \\(two\\) #sea", video))
    urn = made.headers["x-restli-id"]
    assert (made.status_code, made.json()) == (201, {})
    [listed] = [one for one in client.get(LIST).json()["elements"] if one["id"] == urn]
    assert (listed["content"]["media"]["id"], listed["author"]) == (video, OUR_PAGE)
    assert "boats (two) #sea" in client.get(f"/feed/update/{urn}/").text
    assert client.get(f"/media/{video.rpartition(':')[2]}").content == film
    assert client.delete(f"/rest/posts/{quote(urn, safe='')}").status_code == 204
    assert client.get(f"/feed/update/{urn}/").status_code == 404


@pytest.mark.parametrize(
    ("little", "seen"),
    [
        ("plain", "plain"),
        ("a \\(b\\) \\\\ \\# c", "a (b) \\ # c"),
        ("before (after)", "before "),
        ("#tag and * lost", "#tag and "),
        ("#1 lost", ""),
        ("\\n is lost", ""),
    ],
)
def test_a_text_ends_at_a_reserved_sign(little: str, seen: str) -> None:
    assert shown_text(little) == seen


def test_the_same_text_is_taken_once_and_the_first_post_is_named(client: httpx.Client, film: bytes) -> None:
    first = client.post("/rest/posts", json=post("Once", uploaded(client, film))).headers["x-restli-id"]
    refused = client.post("/rest/posts", json=post("Once", uploaded(client, film)))
    assert told(refused) == (422, "DUPLICATE_POST")
    assert refused.json()["message"].endswith(f"Content is a duplicate of {first}")


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"commentary": None}, 422, "/commentary :: field is required but not found"),
        ({"title": "b"}, 422, "/title :: unrecognized field found but not allowed"),
        ({"visibility": "FRIENDS"}, 422, "/visibility"),
        ({"visibility": "CONNECTIONS"}, 400, "no connections"),
        ({"distribution": {}}, 422, "feedDistribution"),
        ({"content": {}}, 422, "/content/media/id"),
        ({"commentary": "x" * 3001}, 400, "exceeds the maximum length"),
        ({"content": {"media": {"id": "urn:li:video:no"}}}, 404, "Could not find"),
    ],
)
def test_posts_it_does_not_take(client: httpx.Client, changes: dict[str, Any], status: int, words: str) -> None:
    answer = client.post("/rest/posts", json=post("a", "urn:li:video:v", **changes))
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_a_video_that_is_not_there_yet_or_another_ones_is_not_posted(client: httpx.Client, film: bytes) -> None:
    made = begun(client, len(film)).json()["value"]["video"]
    assert told(client.post("/rest/posts", json=post("Early", made))) == (400, "MEDIA_ASSET_WAITING_UPLOAD")
    mine = uploaded(client, film, ME)
    assert told(client.post("/rest/posts", json=post("Not mine", mine))) == (400, "MEDIA_ASSET_OWNER_MISMATCH")
    assert client.post("/rest/posts", json=post("Mine", mine, ME)).status_code == 201


@pytest.mark.parametrize("change", [{"owner": "me"}, {"size": 0}])
def test_uploads_it_does_not_take(client: httpx.Client, change: dict[str, Any]) -> None:
    assert begun(client, change.get("size", 10), change.get("owner", OUR_PAGE)).status_code == 400


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ({"linkedin-version": ""}, (400, "VERSION_MISSING")),
        ({"linkedin-version": "202301"}, (426, "NONEXISTENT_VERSION")),
        ({"linkedin-version": "latest"}, (426, "NONEXISTENT_VERSION")),
        ({"x-restli-protocol-version": "1.0.0"}, (400, "ILLEGAL_ARGUMENT")),
    ],
)
def test_what_every_call_needs(client: httpx.Client, heads: dict[str, str], said: tuple[int, str]) -> None:
    assert told(client.get(LIST, headers=heads)) == said


@pytest.mark.parametrize(
    ("token", "author", "said"),
    [
        (Token("linkedin", ANYONE, PAGE_SCOPES, time.time() - 1), OUR_PAGE, (401, "INVALID_ACCESS_TOKEN")),
        (Token("x", ANYONE, PAGE_SCOPES), OUR_PAGE, (401, "INVALID_ACCESS_TOKEN")),
        (Token("linkedin", ANYONE, PERSON_SCOPES), OUR_PAGE, (403, "ACCESS_DENIED")),
        (Token("linkedin", ANYONE, PAGE_SCOPES), ME, (403, "ACCESS_DENIED")),
        (Token("linkedin", ANYONE, PERSON_SCOPES), f"{PERSON}another", (403, "ACCESS_DENIED")),
        (Token("linkedin", ANYONE, PAGE_SCOPES), f"{PAGE}7", (403, "ACCESS_DENIED")),
    ],
)
def test_who_may_not_post(client: httpx.Client, token: Token, author: str, said: tuple[int, str]) -> None:
    head = {"authorization": f"Bearer {token.written()}"}
    answer = client.post("/rest/posts", json=post("a", "urn:li:video:v", author), headers=head)
    assert told(answer) == said


def test_the_posts_of_a_person_are_read_by_nobody(client: httpx.Client) -> None:
    answer = client.get(f"/rest/posts?q=author&author={quote(ME, safe='')}")
    assert told(answer) == (403, "ACCESS_DENIED")


def test_a_day_has_a_hundred_and_fifty_posts(film: bytes) -> None:
    settings = SimulatorSettings(network="linkedin", render_seconds=0)
    with run_simulator(settings) as one, httpx.Client(base_url=one.base_url, headers=HEADS, timeout=20) as client:
        video = uploaded(client, film)
        codes = [client.post("/rest/posts", json=post(str(n), video)).status_code for n in range(151)]
    # The day may end in between.
    assert codes.count(201) >= 150
    assert set(codes) <= {201, 429}


def test_a_sign_in_lasts_sixty_days_and_is_not_renewed(simulator: RunningSimulator) -> None:
    url = simulator.base_url
    back_to = "http://localhost:8080/callback"
    asked = {
        "response_type": "code", "client_id": "c", "redirect_uri": back_to, "state": "s",
        "scope": " ".join(PERSON_SCOPES),
    }  # fmt: skip
    back = answers(f"{url}/oauth/v2/authorization?{urlencode(asked)}").headers["location"]
    [code] = parse_qs(urlsplit(back).query)["code"]
    form = {"grant_type": "authorization_code", "client_id": "c", "redirect_uri": back_to, "code": code}
    without = httpx.post(f"{url}/oauth/v2/accessToken", data=form)
    assert (without.status_code, without.json()["error"]) == (400, "invalid_request")
    tokens = httpx.post(f"{url}/oauth/v2/accessToken", data={**form, "client_secret": "s"}).json()
    assert tokens["expires_in"] == 60 * 86_400
    assert "refresh_token" not in tokens


def test_a_workflow_is_rehearsed_with_a_sign_in(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwork_plugins.publishers.linkedin.Linkedin.settle_seconds", 0.5)
    simulator.set_faults(["publish:accept-then-drop@nth=1"])
    before = len(simulator.posts())
    signs_in = ("accounts", "add", "linkedin", "--name", "rehearsal", "--service", simulator.base_url)
    monkeypatch.setenv("SECRET", "any")
    fields = ("--field", "client_id=any", "--field", "client_secret=env:SECRET")
    added = person.runs(*signs_in, *fields, "--field", f"organization={PAGE_NUMBER}")
    assert added.exit_code == 0, added.output
    assert "Simulated page" in added.output
    checked = person.runs("accounts", "check", "rehearsal")
    assert checked.exit_code == 0, checked.output
    (person.folder / "post.toml").write_text(FLOW)
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    [made] = simulator.posts()[before:]
    assert (made["text"], made["title"]) == ("First light\n\nMade with AI", "First light")
    assert f"{simulator.base_url}{made['url']}" in ran.output
    assert all(one["struck"] for one in simulator.faults())


def test_doctor_warns_before_a_sign_in_ends(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "any")
    simulator.set_faults(["access:expire=86400@nth=1"])
    signs_in = ("accounts", "add", "linkedin", "--name", "rehearsal", "--service", simulator.base_url)
    added = person.runs(*signs_in, "--field", "client_id=any", "--field", "client_secret=env:SECRET")
    assert added.exit_code == 0, added.output
    (person.folder / "post.toml").write_text(FLOW)
    checked = person.runs("doctor", "post.toml", "--offline")
    assert "its sign-in ends on" in checked.output
    assert "Sign in again: reelwork accounts add linkedin --name rehearsal --replace" in checked.output


def test_the_lost_post_of_a_person_is_held_as_the_plan_says(
    simulator: RunningSimulator, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(simulator.posts())
    signs_in = ("accounts", "add", "linkedin", "--name", "rehearsal", "--service", simulator.base_url)
    monkeypatch.setenv("SECRET", "any")
    added = person.runs(*signs_in, "--field", "client_id=any", "--field", "client_secret=env:SECRET")
    assert added.exit_code == 0, added.output
    (person.folder / "post.toml").write_text(FLOW.replace("First light", "Last light"))
    checked = person.runs("doctor", "post.toml")
    assert "posts would work; its sign-in ends on 20" in checked.output
    planned = person.runs("plan", "post.toml")
    assert "if its answer is lost, it is held: linkedin cannot be asked what was posted" in planned.output
    simulator.set_faults(["publish:accept-then-drop@nth=1"])
    ran = person.runs("run", "post.toml", "--yes")
    assert ran.exit_code == 3, ran.output
    assert len(simulator.posts()) == before + 1
    again = person.runs("resume", "--yes")
    assert len(simulator.posts()) == before + 1, again.output
