"""What `x` sends, and what the simulator takes and shows, is what X's own client knows."""

from __future__ import annotations

import httpx
import pytest
from tests.plugins.publishers.x.conftest import Bench
from tests.plugins.publishers.x.xdk import installed, read, stored

from reelwork_plugins.simulator.networks.tokens import OPEN_TOKEN
from reelwork_plugins.simulator.networks.x import rules


def test_what_is_stored_is_what_the_package_says() -> None:
    schemas = installed()
    if schemas is None:
        pytest.skip("xdk is not installed: pip install xdk==0.10.6")
    assert read(schemas) == stored()


def test_all_that_is_sent_is_known_with_its_type(bench: Bench) -> None:
    known = stored()
    bench.says(alt_text="Waves", options={"replies": "mentioned", "paid_partnership": True})
    bench.publish(prepared=bench.prepared())
    post, begun = bench.network.sent("publish"), bench.network.sent("begin")
    assert post.keys() <= known["CreatePostsRequest"].keys()
    assert post["media"].keys() <= known["CreatePostsMedia"].keys()
    assert known["CreatePostsRequest"]["made_with_ai"] == "Optional[bool]"
    assert repr(post["reply_settings"]) in known["CreatePostsRequest"]["reply_settings"]
    assert begun.keys() <= known["InitializeMediaUploadRequest"].keys()
    assert repr(begun["media_category"]) in known["InitializeMediaUploadRequest"]["media_category"]
    assert bench.network.sent("upload").keys() <= known["AppendMediaUploadRequest"].keys()
    described = bench.network.sent("describe")
    assert described.keys() <= known["CreateMediaMetadataRequest"].keys()
    assert described["metadata"]["alt_text"].keys() == known["CreateMediaMetadataMetadataAltText"].keys()


def test_the_simulator_takes_and_shows_nothing_else(bench: Bench) -> None:
    known = stored()
    assert known["CreatePostsRequest"].keys() == rules.POST
    assert known["InitializeMediaUploadRequest"].keys() == rules.INITIALIZE
    assert all(repr(one) in known["CreatePostsRequest"]["reply_settings"] for one in rules.REPLIES)
    assert all(repr(one) in known["InitializeMediaUploadRequest"]["media_type"] for one in rules.VIDEOS)
    bench.network.fails("video:slow=3600")
    bench.begun()
    bench.prepare()
    [upload] = bench.network.timeline.uploads
    head, asked = {"authorization": f"Bearer {OPEN_TOKEN}"}, {"command": "STATUS", "media_id": upload}
    answer = httpx.get(f"{bench.network.url}/2/media/upload", params=asked, headers=head, timeout=20)
    told = answer.json()["data"]
    assert told.keys() <= known["GetMediaUploadStatusResponseData"].keys()
    assert told["processing_info"].keys() <= known["FinalizeMediaUploadResponseDataProcessingInfo"].keys()
