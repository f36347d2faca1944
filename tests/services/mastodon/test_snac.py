"""`mastodon` signs in at a real server by OAuth, and posts there."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.services.mastodon.conftest import Person, Snac, Terminal

FLOW = """
[brief]
prompt = "A small boat leaves a quiet harbour at dawn"
duration = 1
resolution = "480p"
title = "First light"
caption = "Nobody is up yet. <3 & https://example.com/boats"
hashtags = ["dawn"]

[provider]
use = "preview"

[plugins]
publish = ["mastodon"]

[plugin.mastodon]
language = "en"
"""


def signed_in(terminal: Terminal, snac: Snac) -> str:
    added = terminal.run("accounts", "add", "mastodon", "--field", f"instance={snac.url}")
    assert added.exit_code == 0, added.output
    return added.output


def test_a_workflow_posts_its_video(terminal: Terminal, snac: Snac, person: Person, tmp_path: Path) -> None:
    said = signed_in(terminal, snac)
    assert f"Signed in as @{person.name}@" in said
    stored = json.loads((tmp_path / "accounts.json").read_text())["accounts"]["mastodon"]
    # It takes an Idempotency-Key and ignores it, whatever version it claims to be.
    assert stored["shown"]["idempotency_key"] == "no"
    assert "snac/2.75" in stored["shown"]["software"]
    checked = terminal.run("accounts", "check", "mastodon")
    assert (checked.exit_code, "posts would work" in checked.output) == (0, True), checked.output
    (tmp_path / "post.toml").write_text(FLOW)
    ran = terminal.run("run", "post.toml", "--yes")
    assert ran.exit_code == 0, ran.output
    token = person.token()
    [post] = person.posts(token)
    assert post["text"] == (
        "First light\n\nNobody is up yet. <3 & https://example.com/boats\n\n#dawn\n\nMade with AI"
    )
    [media] = post["media_attachments"]
    assert (media["type"], media["description"]) == ("video", "A small boat leaves a quiet harbour at dawn")
    videos = [path.read_bytes() for path in tmp_path.glob("reelwork-out/videos/*/*.mp4")]
    with urllib.request.urlopen(media["url"], timeout=20) as answer:
        assert answer.read() in videos
    secrets = stored["secret"]
    assert not any(secrets[name] in said + ran.output for name in ("access_token", "client_secret"))
    assert terminal.run("resume").exit_code == 0
    assert len(person.posts(token)) == 1


def test_a_token_that_is_not_accepted_is_said_before_a_post(terminal: Terminal, snac: Snac, tmp_path: Path) -> None:
    signed_in(terminal, snac)
    path = tmp_path / "accounts.json"
    stored: dict[str, Any] = json.loads(path.read_text())
    stored["accounts"]["mastodon"]["secret"]["access_token"] = "not-a-token"
    path.write_text(json.dumps(stored))
    checked = terminal.run("accounts", "check", "mastodon")
    assert (checked.exit_code, "does not accept the token" in checked.output) == (1, True), checked.output
