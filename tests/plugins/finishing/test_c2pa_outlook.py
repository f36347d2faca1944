"""`c2pa`: the warnings about a certificate that works today."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from tests.authority import Authority

from reelwork.media.provenance import read_provenance
from reelwork.testing import SampleContext, sample_brief, sample_clip, sample_job
from reelwork_hooks import Brief, PostCopy, Problem
from reelwork_plugins.finishing.provenance import C2pa, C2paConfig
from reelwork_plugins.finishing.provenance.certificate import certificate, certificates
from reelwork_plugins.finishing.provenance.outlook import leads_to

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=40)


def plugin(folder: Path, **settings: Any) -> C2pa:
    config = C2paConfig(certificate=Path("chain.pem"), key="file:key.pem", **settings)
    return C2pa(config, SampleContext(folder, "c2pa"))


def warned(folder: Path, brief: Brief, **settings: Any) -> list[str]:
    found = plugin(folder, **settings).check_brief(brief)
    assert all(problem.warning and problem.hint for problem in found)
    return [problem.message for problem in found]


@pytest.mark.parametrize(
    "brief",
    [
        sample_brief(publish_at=LATER),
        sample_brief(destinations={"gallery": PostCopy(publish_at=LATER), "wall": PostCopy()}),
    ],
    ids=["brief", "destination"],
)
def test_a_certificate_that_ends_before_the_post(tmp_path: Path, brief: Brief) -> None:
    Authority().write(tmp_path)
    [message] = warned(tmp_path, brief)
    ends = NOW + timedelta(days=20)
    assert message.startswith(f"the certificate ends on {ends:%Y-%m-%d}, before the post of {LATER:%Y-%m-%d}")
    assert warned(tmp_path, brief, ta_url="https://stamps.example/") == []
    Authority().write(tmp_path, days=41)
    assert warned(tmp_path, brief) == []


def test_a_post_without_a_time_is_made_now(tmp_path: Path) -> None:
    Authority().write(tmp_path)
    assert warned(tmp_path, sample_brief()) == []


def test_an_authority_that_ends_first_counts(tmp_path: Path) -> None:
    authority = Authority()
    authority.write(tmp_path, days=50)
    # The root ends in 30 days.
    (tmp_path / "chain.pem").write_text((tmp_path / "chain.pem").read_text() + authority.pem)
    assert len(warned(tmp_path, sample_brief(publish_at=LATER))) == 1


def test_a_signer_that_viewers_do_not_know(tmp_path: Path) -> None:
    authority = Authority()
    authority.write(tmp_path)
    (tmp_path / "own.pem").write_text(authority.pem)
    (tmp_path / "others.pem").write_text(Authority().pem)
    assert warned(tmp_path, sample_brief(), trust_list="own.pem") == []
    [message] = warned(tmp_path, sample_brief(), trust_list="others.pem")
    assert "viewers will show the signer as unknown" in message


def test_the_official_library_agrees_about_trust(tmp_path: Path) -> None:
    authority, other = Authority(), Authority()
    path = asyncio.run(plugin(authority.write(tmp_path)).post_download(sample_clip(), sample_job())).video.path
    by = certificate((tmp_path / "chain.pem").read_bytes(), NOW)
    for pem in (authority.pem, other.pem, other.pem + authority.pem):
        found = read_provenance(path, pem)
        assert found is not None
        assert (found.trust == "trusted") is leads_to(by, certificates(pem.encode(), "roots"))


def test_a_chain_leads_over_an_authority_in_between(tmp_path: Path) -> None:
    root, between = Authority(), Authority()
    made = root._issue(between.root.subject, root.root.subject, between.key.public_key(), 30, root=True)
    key = ec.generate_private_key(ec.SECP256R1())
    signer, middle = between.certificate(key), made.public_bytes(Encoding.PEM)
    roots = (root.root,)
    assert leads_to(certificate(signer + middle, NOW), roots)
    assert leads_to(certificate(signer, NOW), (x509.load_pem_x509_certificate(middle),))
    assert not leads_to(certificate(signer, NOW), roots)
    assert not leads_to(certificate(signer + middle, NOW), (Authority().root,))


@pytest.mark.parametrize("content", [None, "words"])
def test_a_trust_list_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    Authority().write(tmp_path)
    if content:
        (tmp_path / "list.pem").write_text(content)
    [problem] = plugin(tmp_path, trust_list="list.pem").check_brief(sample_brief())
    assert not problem.warning
    assert problem.message.startswith("trust_list ")


def doctor(folder: Path, **settings: Any) -> list[Problem]:
    return asyncio.run(plugin(folder, **settings).doctor_problems(False))


def test_doctor_warns_a_month_before_the_end(tmp_path: Path) -> None:
    Authority().write(tmp_path, days=31)
    assert doctor(tmp_path) == []
    Authority().write(tmp_path, days=29)
    [soon] = doctor(tmp_path, trust_list="chain.pem")[:1]
    assert (soon.warning, "in 28 days" in soon.message or "in 29 days" in soon.message) == (True, True)


def test_doctor_finds_what_a_plan_refuses(tmp_path: Path) -> None:
    Authority().write(tmp_path, days=-1)
    [expired] = doctor(tmp_path)
    assert (expired.warning, expired.message[:23]) == (False, "the certificate expired")
