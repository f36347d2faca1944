"""`bluesky` against a real server: what is posted, and that it is posted once."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

WORKFLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 1
resolution = "480p"
title = "Hafen früh 🌅"
caption = "Größe zählt nicht 👨‍👩‍👧‍👦, sagt https://example.com/grün?a=1#top."
hashtags = ["reelwork", "häfen"]
[provider]
use = "preview"
[plugins]
prompt_transform = []
post_download = []
publish = ["bluesky"]
"""
CREATE = "com.atproto.repo.createRecord"
UPLOAD = "com.atproto.repo.uploadBlob"
REFRESH = "com.atproto.server.refreshSession"
SIGN_IN = "com.atproto.server.createSession"
CLIP = "data/reelwork/store.db.files/assets/*/*.mp4"


@pytest.fixture
def signed_in(terminal: Any, proxy: Any, person: Any) -> Any:
    code, output = terminal.sign_in(person, proxy.url)
    assert code == 0, output
    (terminal.folder / "post.toml").write_text(WORKFLOW, encoding="utf-8")
    return terminal


def test_a_workflow_posts_its_video(signed_in: Any, pds: Any, person: Any) -> None:
    code, output = signed_in.run("run", "post.toml", "--yes")
    assert code == 0, output
    [post] = pds.posts(person)
    value = post["value"]
    assert value["text"].startswith("Hafen früh 🌅\n\nGröße zählt nicht")
    assert value["text"].endswith("\n\n#reelwork #häfen\n\nMade with AI")
    assert value["embed"]["alt"] == "A small boat leaves a quiet harbour at dawn"
    assert value["embed"]["aspectRatio"] == {"width": 854, "height": 480}
    [video] = signed_in.folder.glob(CLIP)
    assert pds.video_of(person, post) == video.read_bytes()
    assert post["uri"].rpartition("/")[2] in output


def test_facets_point_at_their_bytes(signed_in: Any, pds: Any, person: Any) -> None:
    assert signed_in.run("run", "post.toml", "--yes")[0] == 0
    [post] = pds.posts(person)
    marked = {}
    for facet in post["value"]["facets"]:
        place = facet["index"]
        words = post["value"]["text"].encode()[place["byteStart"] : place["byteEnd"]].decode()
        [feature] = facet["features"]
        marked[words] = feature.get("uri") or feature["tag"]
    link = "https://example.com/grün?a=1#top"
    assert marked == {link: link, "#reelwork": "reelwork", "#häfen": "häfen"}


@pytest.mark.parametrize(
    ("forward", "sent"), [(False, 0), (True, 1)], ids=["before-it-arrives", "after-it-is-carried-out"]
)
def test_killed_while_posting_and_run_again_there_is_one_post(
    signed_in: Any, pds: Any, proxy: Any, person: Any, forward: bool, sent: int
) -> None:
    proxy.will(CREATE, forward=forward, hold=True)
    signed_in.run_killed("run", "post.toml", "--yes", when=proxy.held)
    assert len(pds.posts(person)) == sent
    assert proxy.count(UPLOAD) == 1
    code, output = signed_in.run("resume")
    assert code == 0, output
    assert len(pds.posts(person)) == 1
    assert proxy.count(UPLOAD) == 1
    assert proxy.count(CREATE) == 2 - sent
    assert signed_in.run("resume")[0] == 0
    assert len(pds.posts(person)) == 1


def test_a_lost_answer_is_looked_up(signed_in: Any, pds: Any, proxy: Any, person: Any) -> None:
    proxy.will(CREATE)
    code, output = signed_in.run("run", "post.toml", "--yes", "--json")
    assert code == 0, output
    [post] = pds.posts(person)
    assert proxy.count(CREATE) == 1
    assert post["uri"] in output


def test_a_gateway_error_is_not_believed(signed_in: Any, pds: Any, proxy: Any, person: Any) -> None:
    bad_gateway = (502, {"Content-Type": "text/html"}, b"<h1>Bad gateway</h1>")
    proxy.will(CREATE, forward=False, answer=bad_gateway)
    proxy.will(CREATE, forward=True, answer=bad_gateway)
    code, output = signed_in.run("run", "post.toml", "--yes")
    assert code == 0, output
    assert len(pds.posts(person)) == 1
    assert proxy.count(CREATE) == 2


def test_too_many_requests_waits_as_asked(signed_in: Any, pds: Any, proxy: Any, person: Any) -> None:
    headers = {"Content-Type": "application/json", "RateLimit-Reset": str(int(time.time()) + 2)}
    said = b'{"error":"RateLimitExceeded","message":"Rate Limit Exceeded"}'
    proxy.will(CREATE, forward=False, answer=(429, headers, said))
    code, output = signed_in.run("run", "post.toml", "--yes")
    assert code == 0, output
    assert len(pds.posts(person)) == 1


def test_an_upload_that_breaks_off_is_repeated(signed_in: Any, pds: Any, proxy: Any, person: Any) -> None:
    proxy.will(UPLOAD)
    proxy.will(UPLOAD, forward=False)
    code, output = signed_in.run("run", "post.toml", "--yes")
    assert code == 0, output
    [post] = pds.posts(person)
    [video] = signed_in.folder.glob(CLIP)
    assert pds.video_of(person, post) == video.read_bytes()
    assert proxy.count(UPLOAD) == 3


def test_a_wrong_password_is_not_kept(terminal: Any, proxy: Any, person: Any) -> None:
    terminal.env["WRONG"] = "not-the-password"
    options = ("--service", proxy.url, "--identifier", person.handle, "--password-env", "WRONG")
    code, output = terminal.run("accounts", "add", "bluesky", *options)
    assert code == 2
    assert f"did not accept {person.handle} with this password" in output
    assert "not-the-password" not in output
    assert json.loads(terminal.run("accounts", "list", "--json")[1]) == []


def test_a_wrong_password_posts_nothing_and_the_right_one_goes_on(
    terminal: Any, pds: Any, proxy: Any, person: Any
) -> None:
    settings = (
        f'\n[plugin.bluesky]\nservice = "{proxy.url}"\nidentifier = "{person.handle}"\npassword = "file:pw"\n'
    )
    (terminal.folder / "post.toml").write_text(WORKFLOW + settings, encoding="utf-8")
    (terminal.folder / "pw").write_text("not-the-password")
    code, output = terminal.run("run", "post.toml", "--yes")
    assert code == 1
    assert f"did not accept {person.handle} with this password" in output
    assert "Nothing was posted" in output
    assert "not-the-password" not in output
    assert pds.posts(person) == []
    (terminal.folder / "pw").write_text(person.password + "\n")
    code, output = terminal.run("resume")
    assert code == 0, output
    assert len(pds.posts(person)) == 1


def test_secrets_stay_out_of_files_and_output(signed_in: Any, person: Any) -> None:
    code, output = signed_in.run("run", "post.toml", "--yes", "-v")
    assert code == 0
    kept = json.loads((signed_in.folder / "config/reelwork/accounts.json").read_text())
    secret = kept["accounts"]["bluesky"]["secret"]
    assert set(secret) == {"password", "access", "refresh"}
    written = output.encode() + b"".join(
        path.read_bytes() for path in signed_in.folder.rglob("*") if path.is_file() and path.name != "accounts.json"
    )
    for value in (*secret.values(), person.password):
        assert value.encode() not in written


REFRESHER = """
import asyncio, sys
from pathlib import Path
from reelwork.credentials.accounts import Accounts
from reelwork.plugins.context import PluginContext
from reelwork.net.client import Http
from reelwork.redaction.redactor import Redactor
from reelwork_plugins.publishers.bluesky.sign_in import SignedIn

async def main(folder, ready, go):
    redactor, http = Redactor(), Http()
    accounts = Accounts(Path(folder) / "config/reelwork/accounts.json", redactor)
    context = PluginContext("bluesky", work_dir=Path(folder), output_dir=Path(folder), base_dir=Path(folder),
        http_factory=http.trusting, redactor=redactor, accounts=accounts)
    signed_in = SignedIn(context, context.account("bluesky"))
    stale = accounts.values("bluesky")["access"]
    Path(ready).touch()
    while not Path(go).exists():
        await asyncio.sleep(0.01)
    session = await signed_in.renewed(stale)
    await http.aclose()
    print(session.access)

asyncio.run(main(*sys.argv[1:]))
"""


def test_two_processes_refresh_a_token_once(signed_in: Any, proxy: Any, tmp_path: Path) -> None:
    file = signed_in.folder / "config/reelwork/accounts.json"
    before = json.loads(file.read_text())["accounts"]["bluesky"]["secret"]
    # This server's access tokens hold no more than whole seconds: one made in the same second would be the same.
    time.sleep(1.1)
    proxy.will(REFRESH, relay=True, seconds=0.5)
    proxy.will(REFRESH, relay=True)
    started = []
    for number in range(2):
        words = [sys.executable, "-c", REFRESHER, str(signed_in.folder), str(tmp_path / f"ready{number}")]
        started.append(subprocess.Popen([*words, str(tmp_path / "go")], stdout=subprocess.PIPE, text=True))
    deadline = time.monotonic() + 60
    while not all((tmp_path / f"ready{number}").exists() for number in range(2)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (tmp_path / "go").touch()
    tokens = {process.communicate(timeout=60)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0, 0]
    after = json.loads(file.read_text())["accounts"]["bluesky"]["secret"]
    assert tokens == {after["access"]}
    assert after["access"] != before["access"]
    assert after["refresh"] != before["refresh"]
    assert proxy.count(REFRESH) == 1


def test_a_refresh_whose_answer_is_lost_still_ends_signed_in(
    signed_in: Any, pds: Any, proxy: Any, person: Any
) -> None:
    """The tokens of the first refresh are lost; the second takes the old refresh token again or the password."""
    file = signed_in.folder / "config/reelwork/accounts.json"
    kept = json.loads(file.read_text())
    kept["accounts"]["bluesky"]["secret"]["access"] = "e30.eyJleHAiOjF9.x"  # {"exp": 1}
    file.write_text(json.dumps(kept))
    proxy.will(REFRESH, hold=True)
    signed_in.run_killed("run", "post.toml", "--yes", when=proxy.held)
    code, output = signed_in.run("resume")
    assert code == 0, output
    assert len(pds.posts(person)) == 1
    assert re.fullmatch(
        r"[\w-]+\.[\w-]+\.[\w-]+", json.loads(file.read_text())["accounts"]["bluesky"]["secret"]["access"]
    )


def test_plugins_show_names_every_setting(terminal: Any) -> None:
    code, output = terminal.run("plugins", "show", "bluesky")
    assert code == 0
    for setting in ("account", "identifier", "password", "disclosure", "video_service", "languages"):
        assert setting in output
