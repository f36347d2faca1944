"""`c2pa` at the end of every chain of edits, read by the official library."""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import av
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image
from tests.authority import AI, Authority, actions, active
from tests.key_services import TOKEN, KeyServer, Refused, key_server

from reelwork import Studio
from reelwork.cli.views.job_page import story
from reelwork.errors import PlanRefused
from reelwork.media.probe import probe
from reelwork.plugins.catalog import Catalog
from reelwork.store.sqlite.store import SqliteStore
from reelwork.studio.job_json import story_as_json
from reelwork.testing import FakeRemote, SampleContext, register, sample_clip, sample_job, write_video
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig

PROMPT = "A ferry crosses a harbour, with gulls and waves"
CHAINS = [
    [],
    ["watermark"],
    ["loudness"],
    ["transcode"],
    ["captions"],
    ["reframe"],
    ["stitch"],
    ["watermark", "loudness", "transcode"],
    ["reframe", "captions", "stitch", "watermark", "loudness", "transcode", "thumbnail"],
]
SETTINGS: dict[str, dict[str, object]] = {
    "watermark": {"picture": "logo.png"},
    "loudness": {"target": -20},
    "transcode": {"codec": "hevc"},
    "captions": {"mode": "burn", "text": "0 - 0.4 Good morning."},
    "stitch": {"intro": "intro.mp4"},
    "c2pa": {"certificate": "chain.pem", "key": "file:key.pem"},
}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def a_render(path: Path) -> Path:
    """Write half a second with a loud sound, in the size that is asked for."""
    silent = write_video(path.with_name("silent.mp4"), seconds=0.5, width=854, height=480)
    with av.open(str(silent)) as source, av.open(str(path), "w") as target:
        picture = source.streams.video[0]
        shown, voice = target.add_stream_from_template(picture), target.add_stream("aac", rate=48_000)
        for packet in source.demux(picture):
            if packet.dts is not None:
                packet.stream = shown
                target.mux(packet)
        for start in range(0, 24_000, 960):
            frame: Any = av.AudioFrame(format="fltp", layout="mono", samples=960)
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            frame.planes[0].update(array("f", [0.5 * math.sin((start + at) / 20) for at in range(960)]).tobytes())
            target.mux(voice.encode(frame))
        target.mux(voice.encode())
    return path


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> dict[bool, Path]:
    """A render with sound, with and without a provider's manifest."""
    folder = tmp_path_factory.mktemp("downloads")
    plain = a_render(folder / "plain.mp4")
    return {False: plain, True: authority.signed(plain, folder / "provider.mp4")}


@pytest.fixture
def folder(tmp_path: Path, authority: Authority, downloads: dict[bool, Path], monkeypatch: Any) -> Path:
    Image.new("RGBA", (40, 20), (250, 20, 20, 255)).save(tmp_path / "logo.png")
    (tmp_path / "intro.mp4").write_bytes(downloads[False].read_bytes())
    monkeypatch.chdir(tmp_path)
    return authority.write(tmp_path)


def run(folder: Path, remote: FakeRemote, workflow: dict[str, Any]) -> Any:
    """Return the result of a workflow whose provider is the remote."""
    catalog = Catalog()
    register(catalog, remote)
    settings = {"provider": {"use": "fake"}, **workflow}
    with Studio(settings, store=folder / "store.db", out=folder / "out", catalog=catalog) as studio:
        return studio.run_sync(PROMPT, duration=0.5, resolution="480p")


def finished(folder: Path, download: Path, plugins: Sequence[str], **more: Any) -> Any:
    """Return the job of a run with these plugins and a provider that makes this video."""
    workflow = {
        "plugins": {"post_download": list(plugins), "publish": ["gallery"]},
        "plugin": {name: SETTINGS[name] for name in plugins if name in SETTINGS},
        **more,
    }
    result = run(folder, FakeRemote(download, price=Decimal(0)), workflow)
    [job] = result.jobs
    assert result.ok, job
    return job


@pytest.mark.parametrize("provider_signs", [False, True], ids=["plain", "signed"])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "-".join(chain) or "none")
def test_after_every_chain_of_edits(
    folder: Path, authority: Authority, downloads: dict[bool, Path], chain: list[str], provider_signs: bool
) -> None:
    job = finished(folder, downloads[provider_signs], [*chain, "c2pa"])
    found = authority.read(job.video)
    assert found is not None
    assert found["validation_state"] == "Trusted"
    said = actions(active(found))
    edits = [one["softwareAgent"]["name"] for one in said if one["action"] == "c2pa.edited"]
    # The video has the wanted shape, and a thumbnail is another file.
    assert edits == [f"reelwork {name}" for name in chain if name not in ("reframe", "thumbnail")]
    parents = [one for one in active(found).get("ingredients", ()) if one["relationship"] == "parentOf"]
    if provider_signs:
        assert said[0]["action"] == "c2pa.opened"
        assert found["manifests"][parents[0]["active_manifest"]]["claim_generator_info"][0]["name"] == "Videos Inc"
    else:
        assert (said[0]["action"], said[0]["digitalSourceType"], parents) == ("c2pa.created", AI, [])
    [posted] = (folder / "out").rglob("*.mp4")
    assert posted.read_bytes() == job.video.read_bytes()


@pytest.fixture
def keys(folder: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    """A service that has the key of the certificate, which is not on this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority.write(folder, key)
    (folder / "key.pem").unlink()
    monkeypatch.setenv("KEY_SERVICE_TOKEN", TOKEN)
    with key_server({"films": [key]}) as running:
        yield running


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "-".join(chain) or "none")
def test_a_key_service_signs_after_every_chain_of_edits(
    folder: Path, authority: Authority, downloads: dict[bool, Path], keys: KeyServer, chain: list[str]
) -> None:
    settings = {name: SETTINGS[name] for name in chain if name in SETTINGS}
    settings["c2pa"] = {"certificate": "chain.pem", **keys.settings("vault")}
    job = finished(folder, downloads[True], [*chain, "c2pa"], plugin=settings)
    found = authority.read(job.video)
    assert found is not None
    assert found["validation_state"] == "Trusted"
    [parent] = [one for one in active(found)["ingredients"] if one["relationship"] == "parentOf"]
    assert found["manifests"][parent["active_manifest"]]["claim_generator_info"][0]["name"] == "Videos Inc"
    _, events = story_of(folder, job)
    assert [event for event in events if event["name"] == "manifest-lost"] == []
    assert len(keys.requests) == 1


def test_a_key_service_that_is_away_costs_no_second_render(
    folder: Path, authority: Authority, downloads: dict[bool, Path], keys: KeyServer
) -> None:
    keys.faults = [Refused(503, {"errors": ["Vault is sealed"]}, {"Retry-After": "0"})] * 5
    remote = FakeRemote(downloads[False], price=Decimal(0))
    [job] = run(folder, remote, with_key_service(keys)).jobs
    assert authority.read(job.video) is not None
    _, events = story_of(folder, job)
    [again] = [event["details"]["reason"] for event in events if event["name"] == "retry"]
    assert "answered 503: Vault is sealed" in again
    assert len(remote.creates) == 1


def test_a_refused_signature_keeps_the_video_for_resume(
    folder: Path, authority: Authority, downloads: dict[bool, Path], keys: KeyServer
) -> None:
    keys.faults = [Refused(403, {"errors": ["permission denied"]})]
    remote = FakeRemote(downloads[False], price=Decimal(0))
    [job] = run(folder, remote, with_key_service(keys)).jobs
    assert job.status == "failed"
    assert "permission denied" in job.reason
    assert list((folder / "out").rglob("*.mp4")) == []
    catalog = Catalog()
    register(catalog, remote)
    with Studio({}, store=folder / "store.db", out=folder / "out", catalog=catalog) as studio:
        [again] = studio.resume_sync(job.id).jobs
    assert again.video is not None
    assert authority.read(again.video) is not None
    assert len(remote.creates) == 1


def with_key_service(keys: KeyServer) -> dict[str, Any]:
    return {
        "plugins": {"post_download": ["c2pa"], "publish": ["gallery"]},
        "plugin": {"c2pa": {"certificate": "chain.pem", **keys.settings("vault")}},
    }


def test_the_video_of_each_shape_is_signed(folder: Path, authority: Authority, downloads: dict[bool, Path]) -> None:
    both = {
        "plugins": {"post_download": ["reframe", "c2pa"], "publish": ["gallery", "tall"]},
        "destination": {"tall": {"aspect_ratio": "9:16"}},
    }
    plugin = {"c2pa": SETTINGS["c2pa"], "tall": {"use": "gallery", "folder": "tall"}}
    result = run(folder, FakeRemote(downloads[True], price=Decimal(0)), {**both, "plugin": plugin})
    assert result.ok, result
    videos = [*(folder / "out").rglob("*.mp4"), *(folder / "tall").rglob("*.mp4")]
    assert len({probe(video).width for video in videos}) == 2
    for video in videos:
        found = authority.read(video)
        assert found is not None
        assert found["validation_state"] == "Trusted"
        assert active(found)["ingredients"][0]["relationship"] == "parentOf"


def test_a_certificate_that_is_not_taken_costs_nothing(
    folder: Path, authority: Authority, downloads: dict[bool, Path]
) -> None:
    authority.write(folder, days=-5)
    remote = FakeRemote(downloads[False], price=Decimal(0))
    with pytest.raises(PlanRefused, match="the certificate expired on"):
        run(folder, remote, {"plugins": {"post_download": ["c2pa"]}, "plugin": {"c2pa": SETTINGS["c2pa"]}})
    assert remote.calls == 0


def story_of(folder: Path, job: Any) -> tuple[str, list[dict[str, Any]]]:
    """Return a job's page, and its events."""
    with closing(SqliteStore(folder / "store.db")) as store:
        row = store.job(job.id)
        assert row is not None
        return "\n".join(story(store, row)), story_as_json(store, row)["events"]


@pytest.mark.parametrize(
    ("chain", "provider_signs", "lost_by"),
    [
        (["watermark", "captions"], True, ["watermark"]),
        (["thumbnail"], True, []),
        (["watermark", "c2pa"], True, []),
        (["watermark"], False, []),
    ],
    ids=["stripped", "untouched", "signed-again", "never-there"],
)
def test_a_stripped_manifest_is_noticed(
    folder: Path, downloads: dict[bool, Path], chain: list[str], provider_signs: bool, lost_by: list[str]
) -> None:
    job = finished(folder, downloads[provider_signs], [*chain, "local"])
    page, events = story_of(folder, job)
    lost = [event["details"] for event in events if event["name"] == "manifest-lost"]
    assert [one["plugin"] for one in lost] == lost_by
    assert all("no longer has its provider's C2PA manifest" in one["reason"] for one in lost)
    found = [event["details"] for event in events if event["name"] == "manifest-found"]
    assert [(one["state"], one["signer"]) for one in found] == [("valid", "Videos Inc")] * provider_signs
    assert ("signed by Videos Inc; valid; it says that AI took part" in page) is provider_signs
    [sidecar] = (folder / "out").rglob("videos/**/*.json")
    said = json.loads(sidecar.read_text(encoding="utf-8"))["manifest"]
    assert (said["signer"] if said else None) == ("Videos Inc" if provider_signs else None)


@pytest.mark.parametrize(
    ("chain", "lost"), [(["watermark"], ["watermark"]), (["watermark", "c2pa"], []), (["c2pa"], [])]
)
def test_a_manifest_that_is_elsewhere_is_said_and_stops_nothing(
    folder: Path, authority: Authority, downloads: dict[bool, Path], chain: list[str], lost: list[str]
) -> None:
    authority.signed_elsewhere(downloads[False], folder / "away.mp4", "https://manifests.example/1.c2pa")
    job = finished(folder, folder / "away.mp4", chain)
    page, events = story_of(folder, job)
    assert "there, but not checked: it is not in the file, which names https://manifests.example for it" in page
    assert [event["details"]["plugin"] for event in events if event["name"] == "manifest-lost"] == lost
    if "c2pa" in chain:
        found = authority.read(job.video)
        assert found is not None
        assert found["validation_state"] == "Trusted"


class _Silent(BaseHTTPRequestHandler):
    """Takes a request for a time stamp, and does not answer."""

    asked = threading.Event()
    over = threading.Event()

    def do_POST(self) -> None:
        self.asked.set()
        self.over.wait()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Say nothing."""


SIGN = """
import asyncio
import sys
from pathlib import Path
from reelwork.testing import SampleContext, sample_clip, sample_job
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig
folder = Path(sys.argv[1])
config = C2paConfig(certificate="chain.pem", key="file:key.pem", ta_url=sys.argv[2])
plugin = C2pa(config, SampleContext(folder, "c2pa"))
asyncio.run(plugin.post_download(sample_clip(folder / "clip.mp4"), sample_job()))
"""


def test_a_killed_process_leaves_nothing_that_counts_as_signed(tmp_path: Path, authority: Authority) -> None:
    folder = authority.write(tmp_path)
    video = write_video(folder / "clip.mp4")
    with HTTPServer(("127.0.0.1", 0), _Silent) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        child = subprocess.Popen([sys.executable, "-c", SIGN, str(folder), address])
        while not _Silent.asked.wait(0.05):
            assert child.poll() is None
        child.kill()
        child.wait()
        _Silent.over.set()
        server.shutdown()
        serving.join()
    assert list((folder / "work" / "c2pa").glob("*.mp4")) == []
    config = C2paConfig(certificate=Path("chain.pem"), key="file:key.pem")
    made = asyncio.run(C2pa(config, SampleContext(folder, "c2pa")).post_download(sample_clip(video), sample_job()))
    assert authority.read(made.video.path) is not None
