"""`c2pa`: the signature, what it says, and what is refused before anything is paid for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pydantic import ValidationError
from tests.authority import AI, Authority, actions, active, pem_of
from tests.ports import free_port

from reelwork.media.download_manifest import manifest_of
from reelwork.media.probe import check_playable
from reelwork.testing import SampleContext, sample_brief, sample_clip, sample_job, write_video
from reelwork_hooks import Asset, Clip, Job, Phase, PluginVersion, RenderFacts, Role, Unavailable
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig, NotSigned


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def clip() -> Clip:
    return sample_clip()


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    return authority.write(tmp_path)


def plugin(folder: Path, **settings: Any) -> C2pa:
    given = {"certificate": "chain.pem", "key": "file:key.pem", **settings}
    return C2pa(C2paConfig(**given), SampleContext(folder, "c2pa"))


def signed(folder: Path, clip: Clip, job: Job | None = None, **settings: Any) -> Path:
    made = asyncio.run(plugin(folder, **settings).post_download(clip, job or sample_job()))
    check_playable(made.video.path)
    return made.video.path


def problem(folder: Path, **settings: Any) -> str:
    [found] = plugin(folder, **settings).check_brief(sample_brief())
    assert "[plugin.c2pa]" in found.hint
    return found.message


def test_it_says_that_ai_made_the_video(folder: Path, authority: Authority, clip: Clip) -> None:
    found = authority.read(signed(folder, clip))
    assert found is not None
    assert found["validation_state"] == "Trusted"
    assert active(found)["claim_generator_info"][0]["name"] == "Reelwork"
    assert actions(active(found)) == [{"action": "c2pa.created", "digitalSourceType": AI}]
    assert "ingredients" not in active(found)


def test_it_names_the_plugins_that_changed_the_video(folder: Path, authority: Authority, clip: Clip) -> None:
    path = write_video(folder / "before.mp4")
    job = sample_job(
        downloaded=Asset.from_file(path, Role.VIDEO),
        edited_by=("watermark", "logo"),
        plugins={"watermark": PluginVersion(package="reelwork", version="3")},
    )
    said = actions(active(authority.read(signed(folder, clip, job))))
    assert [one["action"] for one in said] == ["c2pa.created", "c2pa.edited", "c2pa.edited"]
    assert [one["softwareAgent"] for one in said[1:]] == [
        {"name": "reelwork watermark", "version": "3"},
        {"name": "logo"},
    ]


@pytest.mark.parametrize("edits", [(), ("watermark",)])
def test_the_manifest_of_the_provider_is_kept(
    folder: Path, authority: Authority, clip: Clip, edits: tuple[str, ...]
) -> None:
    path = authority.signed(clip.video.path, folder / "provider.mp4")
    job = sample_job(downloaded=Asset.from_file(path, Role.VIDEO), edited_by=edits)
    found = authority.read(signed(folder, clip, job))
    assert found is not None
    assert found["validation_state"] == "Trusted"
    [parent] = active(found)["ingredients"]
    assert (parent["relationship"], parent["title"]) == ("parentOf", "download.mp4")
    before = found["manifests"][parent["active_manifest"]]
    assert before["claim_generator_info"][0]["name"] == "Videos Inc"
    assert actions(before)[0]["digitalSourceType"] == AI
    said = ["c2pa.opened", *["c2pa.edited" for _ in edits]]
    assert [one["action"] for one in actions(active(found))] == said


def test_a_manifest_that_is_elsewhere_is_not_fetched_and_stops_nothing(
    folder: Path, authority: Authority, clip: Clip, caplog: pytest.LogCaptureFixture
) -> None:
    path = folder / "away.mp4"
    authority.signed_elsewhere(clip.video.path, path, f"http://127.0.0.1:{free_port()}/1.c2pa")
    render = RenderFacts(provider="p", remote_id="1", status="completed", manifest=manifest_of(path))
    job = sample_job(downloaded=Asset.from_file(path, Role.VIDEO), render=render)
    found = authority.read(signed(folder, clip, job))
    assert found is not None
    assert found["validation_state"] == "Trusted"
    assert "ingredients" not in active(found)
    assert "the provider's manifest is not included: it is not in the file" in caplog.text


def test_a_provider_file_that_was_changed_is_kept_with_what_is_wrong(
    folder: Path, authority: Authority, clip: Clip
) -> None:
    path = authority.signed(clip.video.path, folder / "provider.mp4")
    data = bytearray(path.read_bytes())
    data[-20] ^= 255
    path.write_bytes(data)
    job = sample_job(downloaded=Asset.from_file(path, Role.VIDEO))
    [parent] = active(authority.read(signed(folder, clip, job)))["ingredients"]
    codes = [one["code"] for one in parent["validation_results"]["activeManifest"]["failure"]]
    assert "assertion.bmffHash.mismatch" in codes


def test_the_source_is_a_setting(folder: Path, authority: Authority, clip: Clip) -> None:
    path = signed(folder, clip, source="compositeWithTrainedAlgorithmicMedia")
    [made] = actions(active(authority.read(path)))
    assert made["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")


def test_the_same_video_is_signed_once(folder: Path, authority: Authority, clip: Clip) -> None:
    first = signed(folder, clip)
    data = first.read_bytes()
    assert signed(folder, clip) == first
    assert first.read_bytes() == data
    assert signed(folder, clip, sample_job(edited_by=("watermark",))) != first
    authority.write(folder)
    assert signed(folder, clip) != first


def test_a_damaged_file_is_made_again(folder: Path, authority: Authority, clip: Clip) -> None:
    first = signed(folder, clip)
    first.write_bytes(b"torn")
    found = authority.read(signed(folder, clip))
    assert found is not None
    assert found["validation_state"] == "Trusted"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["es384", "es512", "ed25519", "ps256"],
)
def test_every_kind_of_key_signs(tmp_path: Path, authority: Authority, clip: Clip, key: Any) -> None:
    found = authority.read(signed(authority.write(tmp_path, key), clip))
    assert found is not None
    assert found["validation_state"] == "Trusted"


def test_an_encrypted_key_needs_its_password(folder: Path, authority: Authority, clip: Clip) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority.write(folder, key)
    (folder / "key.pem").write_bytes(pem_of(key, "harbour light"))
    (folder / "password.txt").write_text("harbour light\n")
    (folder / "wrong.txt").write_text("harbor light\n")
    assert problem(folder) == "the key is encrypted: give its `password`"
    wrong = problem(folder, password="file:wrong.txt")
    assert wrong == "the key cannot be read as a private key in PEM with this password"
    assert authority.read(signed(folder, clip, password="file:password.txt")) is not None


def test_a_key_comes_from_the_environment(
    folder: Path, authority: Authority, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEY", (folder / "key.pem").read_text())
    (folder / "key.pem").unlink()
    assert authority.read(signed(folder, clip, key="env:SIGNING_KEY")) is not None


def test_a_good_certificate_has_no_problem(folder: Path) -> None:
    assert plugin(folder).check_brief(sample_brief()) == []
    assert C2pa.phase is Phase.SIGN


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"days": -5}, "the certificate expired on 20"),
        ({"purpose": False}, "C2PA does not take the certificate: "),
        ({"key": ec.generate_private_key(ec.SECP256K1())}, "C2PA does not take the kind of key"),
        ({"key": rsa.generate_private_key(65537, 1024)}, "C2PA does not take the kind of key"),
    ],
    ids=["expired", "purpose", "curve", "short"],
)
def test_a_certificate_that_is_not_taken_is_refused_before_money(
    tmp_path: Path, authority: Authority, options: dict[str, Any], wanted: str
) -> None:
    assert problem(authority.write(tmp_path, **options)).startswith(wanted)


def test_a_certificate_that_signs_itself_is_refused(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "chain.pem").write_text(authority.pem)
    (tmp_path / "key.pem").write_bytes(pem_of(authority.key))
    assert problem(tmp_path) == "C2PA does not take the certificate: the certificate was self-signed"


def test_the_key_of_another_certificate_is_refused(folder: Path) -> None:
    (folder / "key.pem").write_bytes(pem_of(ec.generate_private_key(ec.SECP256R1())))
    assert problem(folder) == "the key does not belong to the certificate: their public keys differ"


def test_files_that_cannot_be_read_are_refused(folder: Path) -> None:
    (folder / "words.pem").write_text("no certificate")
    assert "cannot be read: No such file" in problem(folder, certificate="missing.pem")
    assert problem(folder, certificate="words.pem") == "the certificate cannot be read as PEM"
    assert problem(folder, key="file:words.pem") == "the key cannot be read as a private key in PEM"
    assert problem(folder, key="env:NO_SUCH_KEY").startswith("env:NO_SUCH_KEY: the environment variable")


def test_a_key_is_never_shown(folder: Path) -> None:
    secret = (folder / "key.pem").read_text()
    (folder / "key.pem").write_text(secret.replace("PRIVATE KEY", "PRIVATE LOCK"))
    text = problem(folder)
    assert not any(line in text for line in secret.splitlines())


def test_a_key_is_a_reference(folder: Path) -> None:
    with pytest.raises(ValidationError, match="give a reference"):
        plugin(folder, key=(folder / "key.pem").read_text())


def test_a_kind_of_file_without_manifests_is_refused(folder: Path, clip: Clip) -> None:
    webm = clip.with_video(clip.video.replace(media_type="video/webm"))
    with pytest.raises(NotSigned, match="type video/webm takes no C2PA manifest") as error:
        asyncio.run(plugin(folder).post_download(webm, sample_job()))
    assert "nothing was posted" in error.value.money


def test_a_file_that_is_no_video_is_not_signed(folder: Path) -> None:
    path = folder / "words.mp4"
    path.write_text("no video")
    with pytest.raises(NotSigned):
        asyncio.run(plugin(folder).post_download(Clip(video=Asset.from_file(path, Role.VIDEO)), sample_job()))
    assert not list(folder.glob("work/c2pa/*"))


def test_a_time_stamp_service_that_is_away_is_asked_again(folder: Path, clip: Clip) -> None:
    with pytest.raises(Unavailable, match="time-stamp service did not answer"):
        signed(folder, clip, ta_url=f"http://127.0.0.1:{free_port()}/")
    assert list((folder / "work" / "c2pa").iterdir()) == []
