from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import c2pa
import pytest
from tests.authority import Authority

from reelwork.media.download_manifest import holds_manifest, manifest_of
from reelwork.media.provenance import Elsewhere, Unreadable, read_provenance
from reelwork.media.remote_manifest import address_in, check_encrypted, fetched
from reelwork.net.client import Http
from reelwork.testing import write_video
from reelwork_hooks import InvalidInput, ProviderManifest, Unavailable

C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Path:
    folder = tmp_path_factory.mktemp("provenance")
    return authority.signed(write_video(folder / "plain.mp4"), folder / "video.mp4")


def test_it_says_who_signed_and_that_ai_made_it(video: Path) -> None:
    found = read_provenance(video)
    assert found is not None
    assert (found.valid, found.trust, found.ai) == (True, "unknown", "trainedAlgorithmicMedia")
    assert (found.manifest.signer, found.manifest.organisation) == ("Videos Inc", "Harbour Films")
    assert found.manifest.signed_at == ""
    assert found.manifest.generator.startswith("Videos Inc 7")
    assert [action.name for action in found.manifest.actions] == ["c2pa.created"]


def test_a_file_that_nobody_signed_has_none(video: Path) -> None:
    assert read_provenance(video.with_name("plain.mp4")) is None


def test_a_signer_is_trusted_by_its_root_alone(video: Path, authority: Authority) -> None:
    known, other = read_provenance(video, authority.pem), read_provenance(video, Authority().pem)
    assert known is not None
    assert other is not None
    assert (known.trust, other.trust) == ("trusted", "untrusted")
    assert (known.valid, other.valid) == (True, True)


def test_a_changed_file_is_not_valid(video: Path, tmp_path: Path) -> None:
    data = bytearray(video.read_bytes())
    data[-20] ^= 255
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(data)
    found = read_provenance(changed)
    assert found is not None
    assert found.problems == ("its content was changed after it was signed",)


def test_a_torn_file_is_told_so(video: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(video.read_bytes()[:600])
    with pytest.raises(Unreadable, match=r"torn\.mp4 cannot be checked for a manifest: .*\.$"):
        read_provenance(torn)


def test_a_kind_of_file_without_manifests_is_refused(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("no video")
    with pytest.raises(InvalidInput, match="no C2PA manifest can be read from this kind of file"):
        read_provenance(words)


def test_words_of_a_manifest_cannot_steer_a_terminal(video: Path, tmp_path: Path, authority: Authority) -> None:
    plain = video.with_name("plain.mp4")
    found = read_provenance(authority.signed(plain, tmp_path / "odd.mp4", "Videos\x1b[2J\u202eInc"))
    assert found is not None
    assert not {"\x1b", "\u202e"} & set(found.manifest.generator)


def test_the_history_is_read_through_edits(video: Path, tmp_path: Path, authority: Authority) -> None:
    # An editor that says nothing of AI: its parent's manifest says it.
    edited = write_video(tmp_path / "edited.mp4", width=128)
    info = c2pa.C2paSignerInfo(b"es256", *_files(authority, tmp_path), None)
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder({}) as builder, video.open("rb") as parent:
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        builder.add_ingredient({"relationship": "parentOf", "title": "before"}, "video/mp4", parent)
        builder.sign_file(edited, tmp_path / "final.mp4", signer)
    found = read_provenance(tmp_path / "final.mp4")
    assert found is not None
    [before] = found.manifest.ingredients
    assert (before.title, before.relationship, before.problems) == ("before", "parentOf", ())
    assert before.manifest is not None
    assert before.manifest.signer == "Videos Inc"
    assert found.ai == "trainedAlgorithmicMedia"


@pytest.mark.parametrize(
    ("boxes", "there"),
    [
        (b"", False),
        (b"\0\0", False),
        (b"\0\0\0\x18uuid" + C2PA, True),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x18uuid" + C2PA, True),
        (b"\0\0\0\x01uuid\0\0\0\0\0\0\0\x20" + C2PA, True),
        (b"\0\0\0\x01uuid\xff\xff\xff\xff\xff\xff\xff\xff" + b"\0" * 16, False),
        (b"\0\0\0\0mdat" + b"\0\0\0\x18uuid" + C2PA, False),
        (b"\0\0\0\x02mdat" + b"\0\0\0\x18uuid" + C2PA, False),
        (b"\0\0\0\x08free" * 2000 + b"\0\0\0\x18uuid" + C2PA, False),
    ],
)
def test_the_box_of_a_manifest_is_found(tmp_path: Path, boxes: bytes, there: bool) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(boxes)
    assert holds_manifest(path) is there


def test_a_download_says_who_signed_it(video: Path) -> None:
    assert manifest_of(video.with_name("plain.mp4")) is None
    found = manifest_of(video)
    assert found == ProviderManifest(state="valid", signer="Videos Inc", source="trainedAlgorithmicMedia")


def test_a_changed_download_is_not_valid(video: Path, tmp_path: Path) -> None:
    data = bytearray(video.read_bytes())
    data[-20] ^= 255
    (tmp_path / "changed.mp4").write_bytes(data)
    found = manifest_of(tmp_path / "changed.mp4")
    assert found is not None
    assert (found.state, found.problem) == ("invalid", "its content was changed after it was signed")


def test_a_manifest_that_cannot_be_read_stops_no_download(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    path.write_bytes(b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x20uuid" + C2PA + b"\xff" * 8)
    found = manifest_of(path)
    assert found is not None
    assert found.state == "invalid"
    assert "cannot be checked for a manifest" in found.problem


def test_without_the_extra_a_manifest_is_found_unchecked(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    found = manifest_of(video)
    assert found is not None
    assert found.state == "unchecked"
    assert 'pip install "reelwork[provenance]"' in found.problem
    assert manifest_of(video.with_name("plain.mp4")) is None


def _files(authority: Authority, folder: Path) -> tuple[bytes, bytes]:
    authority.write(folder)
    return (folder / "chain.pem").read_bytes(), (folder / "key.pem").read_bytes()


def test_a_video_that_cannot_be_read_is_said_to_hold_no_manifest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert manifest_of(tmp_path / "gone.mp4") is None
    assert "gone.mp4 was not searched for a manifest" in caplog.text


AWAY = "https://manifests.example/films/1.c2pa?key=hush"
NAMED = "it is not in the file, which names https://manifests.example for it; nothing was fetched from there"


def test_a_manifest_that_is_elsewhere_is_named_and_not_fetched(
    video: Path, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "away.mp4"
    manifest = authority.signed_elsewhere(video.with_name("plain.mp4"), path, AWAY)
    with pytest.raises(Elsewhere, match=r"names https://manifests\.example for it") as caught:
        read_provenance(path)
    assert caught.value.address == AWAY
    assert "hush" not in caught.value.explained()
    assert manifest_of(path) == ProviderManifest(state="unchecked", problem=NAMED)
    # It is found without the library, too.
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert manifest_of(path) == ProviderManifest(state="unchecked", problem=NAMED)
    assert holds_manifest(path)
    monkeypatch.undo()
    found = read_provenance(path, authority.pem, manifest)
    assert found is not None
    assert (found.valid, found.trust, found.manifest.signer) == (True, "trusted", "Videos Inc")
    other = authority.signed_elsewhere(write_video(tmp_path / "other.mp4", width=128), tmp_path / "two.mp4", AWAY)
    changed = read_provenance(path, authority.pem, other)
    assert changed is not None
    assert changed.problems == ("its content was changed after it was signed",)


@pytest.mark.parametrize(
    ("xmp", "address"),
    [
        (b'<rdf:Description dcterms:provenance="https://a.example/1?a=1&amp;b=2"/>', "https://a.example/1?a=1&b=2"),
        (b"<rdf:Description dcterms:provenance = 'http://a.example/1'/>", "http://a.example/1"),
        (b"<dcterms:provenance>\n https://a.example/1 </dcterms:provenance>", "https://a.example/1"),
        (b'<rdf:Description dcterms:provenance="self#jumbf=c2pa/x"/>', ""),
        (b'<rdf:Description dcterms:provenance="file:///etc/passwd"/>', ""),
        (b'<rdf:Description dc:title="https://a.example/1"/>', ""),
        (b"\xff\xfe\x00", ""),
    ],
)
def test_the_address_of_a_manifest_in_xmp(xmp: bytes, address: str) -> None:
    assert address_in(xmp) == address


@pytest.mark.parametrize("length", [0, 1])
def test_a_box_whose_length_is_elsewhere_is_searched(tmp_path: Path, length: int) -> None:
    path = tmp_path / "video.mp4"
    xmp = b'<rdf:Description dcterms:provenance="https://a.example/1"/>'
    uuid = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    long = (8 + 8 + 16 + len(xmp)).to_bytes(8, "big") if length else b""
    path.write_bytes(length.to_bytes(4, "big") + b"uuid" + long + uuid + xmp)
    assert holds_manifest(path)


class _Manifests(BaseHTTPRequestHandler):
    """Has a manifest at one address, and counts who asks."""

    data = b""
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        found = self.path == "/1.c2pa"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(self.data) if found else 0))
        self.end_headers()
        self.wfile.write(self.data if found else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Say nothing."""


@pytest.fixture
def manifests() -> Iterator[str]:
    _Manifests.asked = 0
    with HTTPServer(("127.0.0.1", 0), _Manifests) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


async def fetch(address: str, trust: tuple[str, ...]) -> bytes:
    http = Http(trust=trust)
    try:
        return await fetched(address, http)
    finally:
        await http.aclose()


def test_a_manifest_is_fetched_by_the_rules_on_addresses(manifests: str) -> None:
    _Manifests.data = b"a manifest"
    with pytest.raises(Unavailable, match="could not be read"):
        asyncio.run(fetch(f"{manifests}/1.c2pa", ()))
    assert _Manifests.asked == 0
    assert asyncio.run(fetch(f"{manifests}/1.c2pa", (manifests,))) == b"a manifest"
    with pytest.raises(Unavailable, match="answered 404"):
        asyncio.run(fetch(f"{manifests}/2.c2pa", (manifests,)))


def test_an_address_that_is_not_encrypted_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"http://a\.example was not fetched: its address is not https"):
        check_encrypted("http://a.example/1.c2pa?key=hush")
    check_encrypted("https://a.example/1.c2pa")
