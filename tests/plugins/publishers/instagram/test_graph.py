"""What `instagram` sends and asks for, and what the simulator takes, is what Meta's own client knows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.plugins.publishers.instagram.conftest import Bench
from tests.plugins.publishers.instagram.graph import installed, read, stored, wrong

from reelwork_plugins.publishers.instagram import NETWORK
from reelwork_plugins.simulator.networks.instagram import rules

KINDS = ("facebook", "instagram")
EVERY: dict[str, Any] = {
    "cover_at": 1.5,
    "collaborators": ["ada", "grace.h"],
    "audio_name": "Waves",
    "location_id": "123",
    "share_to_feed": False,
}


def test_what_is_stored_is_what_the_package_says() -> None:
    folder = installed()
    if folder is None:
        pytest.skip("facebook-business is not installed: pip install facebook-business==26.0.3")
    assert read(folder) == stored()


def test_all_that_is_sent_is_known_with_its_type(bench: Bench) -> None:
    known = stored()
    bench.says(options=EVERY)
    receipt = bench.publish(prepared=bench.prepared())
    bench.follow(receipt)
    seen = {one["operation"]: one for one in bench.network.simulator.requests()}
    form, types = seen["begin"]["fields"], known["facebook create_media"]
    assert {"is_ai_generated", "thumb_offset", "collaborators", "audio_name", "location_id"} <= form.keys()
    assert [name for name, value in form.items() if name not in types or wrong(types[name], value)] == []
    # Bytes are for accounts of a page; everything else is the same at Instagram's own sign-in.
    assert form.keys() <= known["instagram create_media"].keys()
    sent = seen["publish"]["fields"]
    assert sent.keys() == known["facebook create_media_publish"].keys()
    assert not wrong("unsigned int", sent["creation_id"])


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_asked_of_a_post_is_a_field(kind: str) -> None:
    fields = stored()[f"{kind} media"]
    assert {*NETWORK.fields.split(","), NETWORK.text} <= fields.keys()
    assert fields["is_ai_generated"] == "bool"


def test_the_simulator_takes_and_shows_nothing_else() -> None:
    known = stored()
    assert known["facebook media"].keys() >= rules.POST_FIELDS
    assert rules._KNOWN - {"access_token"} <= known["facebook create_media"].keys()
