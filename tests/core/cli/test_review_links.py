"""`reelwork review link`, `links` and `unlink`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.conftest import Cli

FLOW = """
[review]
always = true
[brief]
prompt = "A harbour at dawn"
duration = 0.5
resolution = "480p"
"""


@pytest.fixture
def job(cli: Cli, folder: Path) -> str:
    (folder / "flow.toml").write_text(FLOW)
    assert cli("run", "flow.toml", "--no-sheet").code == 3
    return str(cli("jobs", "list", "--json").json[0]["id"])


def test_a_link_is_made_listed_and_taken_back(cli: Cli, job: str) -> None:
    assert cli("review", "links").out == "No links. Make one: reelwork review link ID --for NAME\n"
    made = cli("review", "link", job[-8:], "--for", "Acme Ltd", "--expires", "2d", "--url", "https://x.example")
    assert made.code == 0, made.err
    address = made.out.strip()
    assert address.startswith("https://x.example/r/")
    assert "For Acme Ltd, once, until" in made.err
    (told,) = cli("review", "links", "--json").json
    assert (told["for"], told["job"], told["state"]) == ("Acme Ltd", job, "open")
    listed = cli("review", "links", job[-8:]).out
    assert "Acme Ltd" in listed
    assert address.rpartition("/")[2] not in listed
    back = cli("review", "unlink", told["id"][-8:])
    assert back.out == "Revoked: the link for Acme Ltd. It opens nothing from now on.\n"
    assert cli("review", "links", "--json").json[0]["state"] == "revoked"
    assert cli("review", "unlink", told["id"]).code == 2


def test_a_link_needs_a_review_and_a_person(cli: Cli, job: str) -> None:
    assert cli("review", "link", job).code == 2
    for wrong in (("--for", ""), ("--for", "A", "--expires", "never"), ("--for", "A", "--version", "0123")):
        assert cli("review", "link", job, *wrong).code == 2
    assert cli("review", "reject", job, "--reason", "no", "--no-wait").code == 0
    refused = cli("review", "link", job, "--for", "A")
    assert (refused.code, "waits for a review" in refused.err) == (2, True)
    assert cli("review", "links", "--json").json == []
